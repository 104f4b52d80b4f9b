"""Every decision about who may do what with a repository. Each rule stands here once.

The role comes from one text of SQL (`sources`), is lowered by what caps the actor, compared with the permission's least
role and with what the credential allows (`roles`, `decisions`). Lists and look-ups (`rows`), creating (`namespaces`)
and the explanation (`reasons`) are made of these. Invisible is 404, visible but forbidden is 403 with the reason.
"""

from portal.kit.errors import Decision
from repositories.access.decisions import (
    Can,
    Seen,
    SeenRepository,
    decide,
    decide_create_in,
    effective_role,
    may_delete_comment,
    role_cap,
    sees_public_only,
)
from repositories.access.namespaces import (
    Creating,
    creating,
    creating_columns,
    creating_of,
    decide_create,
    decide_publish,
    fetch_namespace,
    namespaces_of,
    namespaces_to_create_in,
    visibility_on_push,
    visibility_on_push_in,
)
from repositories.access.reasons import Reason, reasons_of, reasons_on_name, role_word
from repositories.access.roles import LEAST_ACTION, LEAST_LEVEL, LEAST_ROLE, Permission, Role
from repositories.access.rows import allowed, fetch_repository, require, shared_with, visible
from repositories.access.sources import Place, Source, now_parameter, role_sql

__all__ = [
    "LEAST_ACTION",
    "LEAST_LEVEL",
    "LEAST_ROLE",
    "Can",
    "Creating",
    "Decision",
    "Permission",
    "Place",
    "Reason",
    "Role",
    "Seen",
    "SeenRepository",
    "Source",
    "allowed",
    "creating",
    "creating_columns",
    "creating_of",
    "decide",
    "decide_create",
    "decide_create_in",
    "decide_publish",
    "effective_role",
    "fetch_namespace",
    "fetch_repository",
    "may_delete_comment",
    "namespaces_of",
    "namespaces_to_create_in",
    "now_parameter",
    "reasons_of",
    "reasons_on_name",
    "require",
    "role_cap",
    "role_sql",
    "role_word",
    "sees_public_only",
    "shared_with",
    "visibility_on_push",
    "visibility_on_push_in",
    "visible",
]
