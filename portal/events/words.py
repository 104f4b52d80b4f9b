"""Every action that is ever recorded: its name, what people call it, and its group.

Docker Hub's names where it has one (contract 1.10). A test compares this with what the code records.
"""

from dataclasses import dataclass
from functools import cache

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Word:
    """One action. `label` heads a row, `description` is a sentence."""

    name: str
    label: Text
    description: Text


@dataclass(frozen=True, slots=True)
class Group:
    """Actions that are chosen together."""

    name: str
    label: Text
    words: tuple[Word, ...]


_ORGANIZATION = (
    Word("org.create", _("Organization created"), _("Somebody created the organization.")),
    Word("org.settings.update", _("Settings changed"), _("Profile or rules of the organization were changed.")),
    Word("org.delete", _("Organization deleted"), _("The organization was deleted.")),
    Word("org.member.add", _("Member added"), _("Somebody became a member.")),
    Word("org.member.remove", _("Member removed"), _("Somebody was removed from the organization, or left it.")),
    Word("org.member.role.change", _("Member's role changed"), _("A member got another role.")),
    Word("org.member.invite.send", _("Invitation sent"), _("Somebody was invited.")),
    Word("org.member.invite.resend", _("Invitation sent again"), _("An invitation was sent again, with a new link.")),
    Word("org.member.invite.revoke", _("Invitation revoked"), _("An invitation was taken back.")),
    Word("org.member.invite.accept", _("Invitation accepted"), _("An invited person joined.")),
    Word("org.member.invite.decline", _("Invitation declined"), _("An invited person did not want to join.")),
    Word("org.team.create", _("Team created"), _("A team was created.")),
    Word("org.team.update", _("Team changed"), _("A team's name or description was changed.")),
    Word("org.team.delete", _("Team deleted"), _("A team was deleted, with what it could reach.")),
    Word("org.team.member.add", _("Team member added"), _("A member joined a team.")),
    Word("org.team.member.remove", _("Team member removed"), _("A member left a team.")),
    Word("org.access_token.create", _("Organization token created"), _("An organization access token was created.")),
    Word(
        "org.access_token.update",
        _("Organization token changed"),
        _("An organization access token was renamed, limited anew, rotated, or switched on or off."),
    ),
    Word("org.access_token.delete", _("Organization token deleted"), _("An organization access token was deleted.")),
)
_REPOSITORY = (
    Word("repo.create", _("Repository created"), _("A repository was created.")),
    Word("repo.update", _("Repository changed"), _("Description or overview of a repository was changed.")),
    Word("repo.change_privacy", _("Visibility changed"), _("A repository became public or private.")),
    Word(
        "repo.immutable.tags.updated",
        _("Immutable tags changed"),
        _("Which tags can be neither moved nor deleted was changed."),
    ),
    Word("repo.archive", _("Repository archived"), _("A repository became read-only.")),
    Word("repo.unarchive", _("Repository brought back"), _("An archived repository can be changed again.")),
    Word("repo.delete", _("Repository deleted"), _("A repository was deleted with its tags.")),
    Word("repo.tag.push", _("Tag pushed"), _("A tag was pushed, or moved to another image.")),
    Word("repo.tag.rollback", _("Tag rolled back"), _("A tag was pointed to an image that it had before.")),
    Word("repo.tag.restore", _("Tag restored"), _("A deleted tag was brought back.")),
    Word("repo.tag.copy", _("Tag copied"), _("A tag was made from an image that was in the registry already.")),
    Word("repo.tag.delete", _("Tag deleted"), _("A tag was deleted; its image can be restored for a while.")),
    Word("repo.image.delete", _("Image deleted"), _("An image was deleted; it can be restored for a while.")),
    Word("repo.image.restore", _("Image restored"), _("A deleted image was kept after all.")),
    Word("repo.image.purge", _("Image removed"), _("A deleted image's time was over; it left the registry.")),
    Word(
        "repo.purge",
        _("Repository removed"),
        _("A deleted repository's images have left the registry; its name is free again."),
    ),
    Word("repo.bulk.delete", _("Deletion of many tags started"), _("Somebody had many tags deleted, by a filter.")),
    Word("repo.bulk.restore", _("Restoration of many tags started"), _("Somebody had deleted tags brought back.")),
    Word("repo.bulk.cancel", _("Deletion of many tags cancelled"), _("Somebody ended such a job before its end.")),
    Word("repo.reconcile", _("Comparison asked for"), _("Somebody had repositories compared with the registry.")),
    Word(
        "repo.reconcile.approve",
        _("Removal approved"),
        _("An operator said that tags which the registry has no more shall go here, too."),
    ),
    Word(
        "repo.reconcile.dismiss",
        _("Removal declined"),
        _("An operator said that tags which the registry has no more shall stay here."),
    ),
    Word("repo.grant.create", _("Access given"), _("A team or a person got a role on repositories.")),
    Word("repo.grant.update", _("Access changed"), _("A role on repositories or its end date was changed.")),
    Word("repo.grant.delete", _("Access taken away"), _("A team or a person lost a role on repositories.")),
    Word(
        "repo.access_refused", _("Access refused"), _("Somebody asked for more than they may do, and did not get it.")
    ),
    Word("repo.webhook.create", _("Webhook created"), _("A webhook was created.")),
    Word("repo.webhook.update", _("Webhook changed"), _("A webhook was changed, or switched on or off.")),
    Word("repo.webhook.delete", _("Webhook deleted"), _("A webhook was deleted with its deliveries.")),
    Word("repo.webhook.redeliver", _("Delivery repeated"), _("A webhook's delivery was sent again.")),
    Word(
        "repo.webhook.disable", _("Webhook switched off"), _("A webhook was switched off because its receiver is gone.")
    ),
    Word("repo.webhook.rotate", _("Webhook's secret rotated"), _("A webhook got a new signing secret.")),
    Word("repo.webhook.ping", _("Webhook tried"), _("Somebody had a ping sent to a webhook.")),
    Word(
        "repo.webhook.pause", _("Webhook paused"), _("Every delivery had failed for a day; what happens now is held.")
    ),
    Word("repo.webhook.resume", _("Webhook resumed"), _("A paused webhook works again, and got what it missed.")),
    Word("repo.star", _("Starred"), _("Somebody starred a repository.")),
    Word("repo.unstar", _("Star taken away"), _("Somebody took their star away.")),
    Word("repo.comment", _("Commented"), _("Somebody commented on a repository.")),
    Word("repo.comment.delete", _("Comment deleted"), _("A comment was deleted.")),
)
_ACCOUNT = (
    Word("user.create", _("Account created"), _("Somebody signed up, or an operator made the account.")),
    Word("user.update", _("Account changed"), _("The profile was changed, or an operator changed the account.")),
    Word("user.expire", _("Account expired"), _("The e-mail address was never confirmed; the name is free again.")),
    Word("user.login", _("Signed in"), _("Somebody signed in with the browser, or got a bearer token of the API.")),
    Word("user.login_failed", _("Sign-in refused"), _("Somebody tried to sign in with a wrong password or token.")),
    Word("user.logout", _("Signed out"), _("Somebody signed out.")),
    Word("user.password.change", _("Password changed"), _("The password was changed or reset.")),
    Word("user.email.update", _("E-mail address changed"), _("An e-mail address was added, confirmed or removed.")),
    Word("user.access_token.create", _("Access token created"), _("A personal access token was created.")),
    Word("user.access_token.update", _("Access token changed"), _("A personal access token was changed or switched.")),
    Word("user.access_token.delete", _("Access token deleted"), _("A personal access token was deleted.")),
    Word("user.refresh_token.create", _("Docker signed in"), _("docker got a refresh token in place of the password.")),
    Word("namespace.update", _("Namespace changed"), _("What a push to a missing repository does was changed.")),
)
_AUDIT = (Word("audit.export", _("Audit log exported"), _("Somebody downloaded events of the audit log.")),)

GROUPS = (
    Group("org", _("Organization"), _ORGANIZATION),
    Group("repo", _("Repositories"), _REPOSITORY),
    Group("user", _("Accounts"), _ACCOUNT),
    Group("audit", _("Audit log"), _AUDIT),
)


@cache
def _by_name() -> dict[str, Word]:
    return {word.name: word for group in GROUPS for word in group.words}


def word(name: str) -> Word:
    """Of an action that has none (any more), its bare name."""
    return _by_name().get(name) or Word(name, name, "")


def expand(action: str) -> tuple[str, ...]:
    """The actions that a filter means: those of a group, or one by its name. None for an empty filter."""
    group = next((group for group in GROUPS if group.name == action), None)
    if group is not None:
        return tuple(word.name for word in group.words)
    return (action,) if action else ()
