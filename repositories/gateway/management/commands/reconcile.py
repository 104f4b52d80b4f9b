from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.actor import SYSTEM
from repositories import access
from repositories.images.intents import being_pushed
from repositories.images.reconcile import Report, reconcile
from repositories.models import Repository
from repositories.registry.client import RegistryUnavailable


class Command(BaseCommand):
    help = "Compare tags with the registry and add those that are missing here. Deletes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repository", metavar="NAMESPACE/NAME", help="only this one; else all, one after another")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = access.visible(SYSTEM).order_by("id")
        if options["repository"]:
            rows = rows.filter(full_name=options["repository"])
            if not rows.exists():
                raise CommandError(f"There is no repository {options['repository']}.")
        # Keys first: an open cursor would hold SQLite's snapshot, and the first write after another process's fails.
        found = (rows.filter(pk=pk).first() for pk in list(rows.values_list("pk", flat=True)))
        failed = [row.full_name for row in found if row is not None and not self._reconcile(row)]
        if failed:
            raise CommandError(f"Not compared: {', '.join(failed)}. Nothing was changed there.")

    def _reconcile(self, repository: Repository) -> bool:
        try:
            report = reconcile(repository, being_pushed=lambda tag: being_pushed(repository, tag))
        except RegistryUnavailable as error:
            self.stderr.write(f"{repository.full_name}: {error}")
            return False
        self._tell(repository.full_name, report)
        return True

    def _tell(self, name: str, report: Report) -> None:
        for tag in report.added:
            self.stdout.write(f"{name}:{tag} added")
        for tag in report.moved:
            self.stdout.write(f"{name}:{tag} differs from the registry; left as it is")
        for tag in report.missing:
            self.stdout.write(f"{name}:{tag} is not in the registry's listing; left as it is")
        for tag, why in report.skipped.items():
            self.stdout.write(f"{name}:{tag} skipped: {why}")
