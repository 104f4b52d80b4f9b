"""What there is to tell of an event: one document, which every format takes what it needs from.

`schemas` describes it for each event type, `docs/webhook-events.md` shows it. Everything in it is English and does not
depend on who looks, since it is bytes for machines.
"""

from repositories.webhooks.documents.base import (
    document,
    placeholders,
    repository_name,
    repository_name_of,
    summary,
    tag_of,
)
from repositories.webhooks.documents.pings import newest_tag, ping
from repositories.webhooks.documents.values import Document

__all__ = [
    "Document",
    "document",
    "newest_tag",
    "ping",
    "placeholders",
    "repository_name",
    "repository_name_of",
    "summary",
    "tag_of",
]
