"""What the pages say of runs and differences."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Text
from repositories.sync.models import Difference, Run

Kind, State = Difference.Kind, Difference.State
RUN_TONES = {
    Run.State.RUNNING: "info",
    Run.State.DONE: "success",
    Run.State.STOPPED: "warning",
    Run.State.FAILED: "danger",
}
TONES = {State.WAITING: "info", State.HELD: "warning", State.APPROVED: "accent", State.REPAIRED: "success"}
ICONS = {
    Kind.NEW_TAG: "tag",
    Kind.MOVED_TAG: "git-compare-arrows",
    Kind.MISSING_TAG: "tag",
    Kind.MISSING_MANIFEST: "fingerprint-pattern",
    Kind.COUNT: "calculator",
}
OVER: dict[tuple[Difference.Kind, Difference.State], Text] = {
    (Kind.MISSING_TAG, State.REPAIRED): _("Removed here"),
    (Kind.MISSING_MANIFEST, State.REPAIRED): _("Marked as missing"),
    (Kind.NEW_TAG, State.REPAIRED): _("Added here"),
    (Kind.MOVED_TAG, State.REPAIRED): _("Moved here"),
    (Kind.COUNT, State.REPAIRED): _("Counted anew"),
    (Kind.MISSING_TAG, State.GONE): _("It is back"),
    (Kind.MISSING_MANIFEST, State.GONE): _("It is back"),
}


@dataclass(frozen=True, slots=True)
class ShownRun:
    row: Run
    percent: int
    tone: str

    @property
    def changes(self) -> list[tuple[Text, int]]:
        """What it put right, of each sort that there was."""
        told: list[tuple[Text, int]] = [
            (_("added"), self.row.added),
            (_("moved"), self.row.moved),
            (_("removed"), self.row.removed),
            (_("counted anew"), self.row.recounted),
        ]
        return [(word, count) for word, count in told if count]


def shown_run(row: Run) -> ShownRun:
    percent = min(row.repositories * 100 // row.total, 100) if row.total else 0
    return ShownRun(row, percent, RUN_TONES[Run.State(row.state)])


@dataclass(frozen=True, slots=True)
class ShownDifference:
    row: Difference
    icon: str
    tone: str
    state: Text


def shown_differences(rows: Iterable[Difference]) -> list[ShownDifference]:
    """Costs no query where `repository` was selected with them."""
    return [
        ShownDifference(
            row,
            icon=ICONS[Kind(row.kind)],
            tone=TONES.get(State(row.state), ""),
            state=OVER.get((Kind(row.kind), State(row.state)), State(row.state).label),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Tally:
    """A number to filter by."""

    state: str
    label: Text
    count: int


def tallies(counts: dict[str, int]) -> list[Tally]:
    """Of the differences that are open, and one for those that are over, which nobody counts."""
    return [Tally(str(state), state.label, counts[str(state)]) for state in Difference.OPEN]
