from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.actor import SYSTEM
from repositories import access
from repositories.models import Repository
from repositories.registry.client import RegistryUnavailable
from repositories.sync import actions, runs
from repositories.sync.compare import Report
from repositories.sync.models import Run

FOREVER = float("inf")


class Command(BaseCommand):
    help = (
        "Compare tags with the registry: add what is missing here, move what points elsewhere. What the registry has "
        "no more goes when it is found missing again some minutes later, and never much at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repository", metavar="NAMESPACE/NAME", help="only this one; else all, one after another")
        parser.add_argument("--approve", action="store_true", help="let go what is held, if it is still missing now")

    def handle(self, *args: Any, **options: Any) -> None:
        repository = self._repository(options["repository"])
        if options["approve"]:
            self._approve(repository)
        run = actions.request_reconcile(actor=SYSTEM, repository=repository, trigger=Run.Trigger.COMMAND, wake=False)
        self._failed: list[str] = []
        if not runs.work_on(run.pk, told=self._tell, turn=FOREVER):
            raise CommandError("A worker is comparing already. Try again when it is done.")
        run.refresh_from_db()
        if self._failed:
            raise CommandError(f"Not compared: {', '.join(self._failed)}. Nothing was changed there.")
        if run.state == Run.State.STOPPED:
            raise CommandError(f"{run.error} With --approve they go.")

    def _repository(self, name: str | None) -> Repository | None:
        if not name:
            return None
        row = access.visible(SYSTEM).filter(full_name=name).first()
        if row is None:
            raise CommandError(f"There is no repository {name}.")
        return row

    def _approve(self, repository: Repository | None) -> None:
        count = actions.approve_all(actor=SYSTEM, repository=repository)
        self.stdout.write(f"{count} approved")

    def _tell(self, repository: Repository, result: Report | RegistryUnavailable) -> None:
        name = repository.full_name
        if isinstance(result, RegistryUnavailable):
            self._failed.append(name)
            self.stderr.write(f"{name}: {result}")
            return
        for tag in result.added:
            self.stdout.write(f"{name}:{tag} added")
        for tag in result.moved:
            self.stdout.write(f"{name}:{tag} moved to what the registry holds")
        for tag in result.removed:
            self.stdout.write(f"{name}:{tag} removed")
        for tag in result.waiting:
            self.stdout.write(f"{name}:{tag} is not in the registry; looked at again before it goes")
        for tag in result.held:
            self.stdout.write(f"{name}:{tag} is not in the registry; held, since too many are missing")
        for tag, why in result.skipped.items():
            self.stdout.write(f"{name}:{tag} skipped: {why}")
