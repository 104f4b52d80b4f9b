"""Which rows of a list are worth asking `role_sql` about, so that a list costs what the actor has, not what there is.

Nothing here gives a role: where the actor has one on everything, the rule says so itself (`everywhere_sql`); among the
rest this leaves out only what no pattern of theirs can match. The property test compares both with the oracle.
"""

from django.db import connection
from django.db.models.expressions import RawSQL

from portal.accounts.actor import Actor
from repositories.access.sources import everywhere_sql, now_parameter, patterns_sql

# The repositories between the first and the last name that a pattern can match: a range of the index on full names,
# which on PostgreSQL compares bytes only by operators of its own. No name holds a character beyond "~".
_CANDIDATES = """
    SELECT c.id
    FROM ({patterns}) p
    CROSS JOIN accounts_namespace n
    CROSS JOIN repositories_repository c
    WHERE n.id = p.namespace_id
    AND c.full_name {from_} (n.name || '/' || RTRIM(p.pattern, '*'))
    AND c.full_name {to} (n.name || '/' || RTRIM(p.pattern, '*')
        || CASE WHEN RTRIM(p.pattern, '*') = p.pattern THEN '' ELSE '~' END)
"""
_OPERATORS = {"sqlite": (">=", "<="), "postgresql": ("~>=~", "~<=~")}
# PostgreSQL guesses that the ranges hold half the table, and would not keep their keys in a hash.
_KEYS = {"sqlite": "{select}", "postgresql": "SELECT UNNEST(ARRAY({select}))"}


def everywhere(actor: Actor) -> RawSQL:
    """Keys of the namespaces where the actor has a role on every repository."""
    return RawSQL(everywhere_sql(**_keys(actor)), [])  # noqa: S611  our own text, whose keys are whole numbers


def candidates(actor: Actor) -> RawSQL:
    """Keys of the repositories, and maybe some more, on which a grant gives the actor a role."""
    from_, to = _OPERATORS[connection.vendor]
    select = _CANDIDATES.format(patterns=patterns_sql(**_keys(actor)), from_=from_, to=to)
    times = [now_parameter()] if actor.user_id is not None else []
    return RawSQL(_KEYS[connection.vendor].format(select=select), times)  # noqa: S611  likewise


def _keys(actor: Actor) -> dict[str, str]:
    """Keys are whole numbers of ours, so that the statement's text may hold them."""
    if actor.user_id is not None:
        return {"user": str(int(actor.user_id))}
    return {"robot": str(int(actor.robot_id or 0))}
