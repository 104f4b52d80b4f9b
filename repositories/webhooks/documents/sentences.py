"""An event in one English sentence, for chats. Not translated: a delivery's bytes don't depend on who looks."""

from portal.events.models import Event
from repositories.webhooks.documents.values import short_digest, text

_SENTENCES = {
    "repo.tag.push": "{who} pushed {what}",
    "repo.tag.rollback": "{who} rolled {what} back",
    "repo.tag.copy": "{who} copied {source} to {what}",
    "repo.tag.delete": "{who} deleted the tag {what}",
    "repo.tag.restore": "{who} restored the tag {what}",
    "repo.image.delete": "{who} deleted the image {what}",
    "repo.image.restore": "{who} restored the image {what}",
    "repo.create": "{who} created the repository {what}",
    "repo.update": "{who} changed the description of {what}",
    "repo.change_privacy": "{who} made {what} {visibility}",
    "repo.archive": "{who} archived {what}",
    "repo.unarchive": "{who} brought {what} back from the archive",
    "repo.delete": "{who} deleted the repository {what}",
    "repo.star": "{who} starred {what}",
    "repo.unstar": "{who} took their star from {what}",
    "repo.comment": "{who} commented on {what}",
    "repo.comment.delete": "{who} deleted a comment on {what}",
    "repo.grant.create": "{who} gave {whom} the role {role} on {what}",
    "repo.grant.update": "{who} gave {whom} the role {role} on {what}",
    "repo.grant.delete": "{who} took the role {old_role} on {what} from {whom}",
    "org.member.add": "{who} added {what} to {namespace} as {role}",
    "org.member.remove": "{who} removed {what} from {namespace}",
    "org.member.role.change": "{who} made {what} {role} of {namespace}",
    "org.team.member.add": "{who} added {member} to the team {what} of {namespace}",
    "org.team.member.remove": "{who} removed {member} from the team {what} of {namespace}",
    "repo.webhook.ping": "{who} tried the webhook {webhook}",
}


def sentence(event: Event, tag: str) -> str:
    """`tag`: the tag that it is about, if it is about one."""
    new, old = event.new, event.old
    words = {
        "who": event.actor_name or "Somebody",
        "what": _what(event, tag),
        "source": text(new, "source") or "an image",
        "visibility": text(new, "visibility"),
        "whom": _whom(event),
        "role": text(new, "role"),
        "old_role": text(old, "role"),
        "member": text(new, "member") or text(old, "member"),
        "namespace": event.namespace,
        "webhook": event.target.partition(": ")[2],
    }
    return _SENTENCES[event.action].format_map(words)


def _what(event: Event, tag: str) -> str:
    name, at, digest = event.target.partition("@")
    return f"{name}@{short_digest(digest)}" if at else event.target


def _whom(event: Event) -> str:
    told = event.new or event.old
    return f"the team {text(told, 'team')}" if text(told, "team") else text(told, "user")
