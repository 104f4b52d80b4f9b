import sys
from collections.abc import Sequence
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.actor import Actor, Credential, CredentialKind, actor_for
from portal.accounts.models import User
from repositories.models import Visibility
from repositories.registry import client
from repositories.registry.client import RegistryUnavailable
from repositories.sync import adopting, adoption, runs
from repositories.sync.adopting import Outcome
from repositories.sync.adoption import Rules, Step
from repositories.sync.looking import Looker

GIVEN_UP_AFTER = 3
"""Repositories in a row for which the registry did not answer."""
BAR = 24


class Progress:
    """One line on a terminal, drawn over and over; nothing anywhere else."""

    def __init__(self, stream: TextIO, total: int) -> None:
        self._stream, self._total, self._width = stream, total, 0
        self._drawn = stream.isatty() and total > 0

    def show(self, done: int, text: str) -> None:
        if not self._drawn:
            return
        filled = BAR * done // self._total
        line = f"[{'#' * filled}{'.' * (BAR - filled)}] {done}/{self._total} {text}"[:100]
        self._stream.write(f"\r{line.ljust(self._width)}")
        self._stream.flush()
        self._width = len(line)

    def end(self) -> None:
        if self._drawn:
            self._stream.write(f"\r{' ' * self._width}\r")


class Command(BaseCommand):
    help = (
        "Take over the repositories of a registry that was there before Moorage. Deletes nothing, overwrites nothing, "
        "and can be run again: it goes on where it ended."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument(
            "--create-organizations", metavar="OWNER", help="make missing namespaces organizations of this person"
        )
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="PREFIX=NAMESPACE",
            help="copy PREFIX/… to NAMESPACE/… (no bytes move, the old name stays); =NAMESPACE is for names like nginx",
        )
        parser.add_argument("--visibility", choices=Visibility.values, default=Visibility.PRIVATE)

    def handle(self, *args: Any, **options: Any) -> None:
        owner = _owner(options["create_organizations"])
        rules = Rules(moves=_moves(options["map"]), creates=owner is not None)
        try:
            steps = self._count(adoption.plan(client.catalog(), rules))
        except (RegistryUnavailable, client.RepositoryUnknown) as error:
            raise CommandError(f"{error} Nothing was done.") from error
        self._show(steps)
        if not options["dry_run"]:
            self._adopt(steps, owner, Visibility(options["visibility"]))

    def _count(self, steps: list[Step]) -> list[Step]:
        progress, counted = Progress(sys.stderr, len(steps)), []
        for number, step in enumerate(steps):
            progress.show(number, step.source)
            runs.pace.wait()
            counted.append(adoption.count_tags(step))
        progress.end()
        return counted

    def _show(self, steps: Sequence[Step]) -> None:
        """The plan, as a table."""
        rows = [("IN THE REGISTRY", "HERE", "TAGS", "WHAT HAPPENS")]
        for step in steps:
            how = f"{step.how}: {step.why}" if step.why else str(step.how)
            target, tags = ("-", "-") if step.is_left_out else (step.target, str(step.tags))
            rows.append((step.source, target, tags, how))
        wide = [max(len(row[column]) for row in rows) for column in range(3)]
        for row in rows:
            self.stdout.write(f"{row[0]:<{wide[0]}}  {row[1]:<{wide[1]}}  {row[2]:>{wide[2]}}  {row[3]}")
        for name in sorted({step.namespace for step in steps if step.creates}):
            self.stdout.write(f"The organization {name} is made.")
        left = sum(step.is_left_out for step in steps)
        self.stdout.write(f"{len(steps) - left} repositories, {left} left out.")

    def _adopt(self, steps: Sequence[Step], owner: Actor | None, visibility: Visibility) -> None:
        todo = [step for step in steps if not step.is_left_out]
        progress, outcomes, away = Progress(sys.stderr, len(todo)), [], 0
        with Looker(runs.pace) as looker:
            for number, step in enumerate(todo):
                progress.show(number, f"{step.target} ({step.tags} tags)")
                outcome = adopting.adopt(step, owner=owner, visibility=visibility, looker=looker)
                outcomes.append(outcome)
                away = away + 1 if outcome.is_away else 0
                if away >= GIVEN_UP_AFTER:
                    break
        progress.end()
        self._tell(outcomes, len(todo))

    def _tell(self, outcomes: Sequence[Outcome], total: int) -> None:
        for outcome in outcomes:
            name = outcome.step.target
            if outcome.failed:
                self.stderr.write(f"{name}: {outcome.failed}")
            for tag, why in outcome.left.items():
                self.stderr.write(f"{name}:{tag} left out: {why}")
        done = [outcome for outcome in outcomes if not outcome.failed]
        created, added = sum(outcome.created for outcome in outcomes), sum(outcome.added for outcome in done)
        self.stdout.write(f"{created} repositories made, {added} tags taken over.")
        if len(done) < total:
            raise CommandError(f"{total - len(done)} of {total} repositories are not done. Run this again.")


def _owner(name: str | None) -> Actor | None:
    """Whoever runs commands on the server acts for the person."""
    if not name:
        return None
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no person {name}.")
    return actor_for(user, confirmed=True, credential=Credential(kind=CredentialKind.NONE, label=""))


def _moves(given: Sequence[str]) -> dict[str, str]:
    moves = {}
    for rule in given:
        prefix, equals, namespace = rule.partition("=")
        if not equals or not namespace or prefix.endswith("/") or "/" in namespace:
            raise CommandError(f"--map wants PREFIX=NAMESPACE, not {rule!r}.")
        if prefix in moves:
            raise CommandError(f"--map names {prefix!r} twice.")
        moves[prefix] = namespace
    return moves
