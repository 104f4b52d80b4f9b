"""What the API's tests look at: Alice's repositories, public and private, with everything that hangs on them."""

from dataclasses import dataclass, field
from typing import Any

from allauth.account.models import EmailAddress
from django.http import HttpResponseBase
from django.test import Client

from orgs.models import Invitation, Team
from portal.accounts.models import Namespace, OrganizationAccessToken, PersonalAccessToken, TokenLevel, User
from repositories import actions
from repositories.grants import actions as grants
from repositories.images.models import IndexEntry, Manifest, Tag, TagHistory
from repositories.models import Comment, Grant, Repository
from repositories.webhooks.models import Attempt, Delivery, Webhook
from tests import factories
from tests.factories import invitations
from tests.factories.orgs import add_member, make_organization, make_team
from tests.factories.robots import make_robot

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"

OPS = 4711
"""The key of a team, which a body of the table names."""


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def make_manifest(repository: Repository, number: int, **more: Any) -> Manifest:
    values: dict[str, Any] = {
        "media_type": OCI_MANIFEST,
        "kind": "image",
        "size": 500,
        "total_size": 3000,
        "os": "linux",
        "architecture": "amd64",
        "details": "read",
        "layers": [
            {"digest": digest(9001), "size": 2000, "media_type": "application/vnd.oci.image.layer.v1.tar+gzip"},
            {"digest": digest(9002), "size": 900, "media_type": "application/vnd.oci.image.layer.v1.tar+gzip"},
        ],
        "config": {
            "history": [
                {"created_by": "ADD rootfs"},
                {"created_by": 'CMD ["sh"]', "empty_layer": True},
                {"created_by": "COPY app"},
            ]
        },
    }
    return Manifest.objects.create(repository=repository, digest=digest(number), **{**values, **more})


def make_index(repository: Repository, number: int) -> Manifest:
    """Two platforms, of which the registry holds the first."""
    index = make_manifest(
        repository, number, media_type=OCI_INDEX, kind="index", os="", architecture="", layers=[], config={}
    )
    make_manifest(repository, number + 1)
    for position, (architecture, variant) in enumerate((("amd64", ""), ("arm64", "v8"))):
        IndexEntry.objects.create(
            index=index,
            position=position,
            digest=digest(number + 1 + position),
            media_type=OCI_MANIFEST,
            size=480,
            os="linux",
            architecture=architecture,
            variant=variant,
        )
    return index


def make_tag(repository: Repository, name: str, manifest: Manifest, by: User | None = None) -> Tag:
    TagHistory.objects.create(repository=repository, tag=name, action="created", digest=manifest.digest, actor=by)
    return Tag.objects.create(
        repository=repository,
        name=name,
        manifest=manifest,
        created_by=by,
        pushed_by=by,
        pushed_by_name=by.username if by else "",
    )


def make_webhook(place: Repository | Namespace, name: str = "ci") -> Webhook:
    webhook = Webhook(name=name, created_by_name="alice")
    if isinstance(place, Repository):
        webhook.repository = place
    else:
        webhook.namespace = place
    webhook.url = "https://ci.example.org/hook?secret=1"
    webhook.save()
    return webhook


def make_delivery(webhook: Webhook, number: int = 1) -> Delivery:
    delivery = Delivery.objects.create(
        webhook=webhook,
        event_id=f"{number:032x}",
        event_action="repo.tag.push",
        repository_name="alice/public/app",
        summary="latest",
        body=b'{"push_data": {"tag": "latest"}}',
        state=Delivery.State.DELIVERED,
        attempt_count=1,
        next_attempt_at=None,
    )
    Attempt.objects.create(
        delivery=delivery,
        number=1,
        duration_ms=12,
        timings={"dns": 1.5, "connect": 2},
        request_url="https://ci.example.org/hook",
        request_headers={"Content-Type": "application/json"},
        status=200,
        response_headers={"Server": "ci"},
        response_body="ok",
    )
    return delivery


@dataclass
class Side:
    """One repository and what hangs on it."""

    repository: Repository
    tag: Tag
    comment: Comment
    webhook: Webhook
    delivery: Delivery


@dataclass
class World:
    alice: User
    bob: User
    charlie: User
    token: PersonalAccessToken
    secrets: dict[str, str]
    public: Side
    private: Side
    invite: Invitation
    """Of an address, to Alice's organization acme."""
    own_invite: Invitation
    """Of Alice, to Bob's organization other."""
    org_token: OrganizationAccessToken
    """Of acme."""
    webhook: Webhook
    """Of Alice's namespace."""
    delivery: Delivery
    acme_webhook: Webhook
    bearer: str = field(default="")

    def names(self) -> dict[str, Any]:
        """What a path or a body of the table may name."""
        found: dict[str, Any] = {"uuid": self.token.public_id}
        found["org_token"] = self.org_token.public_id
        found |= {"own_webhook": self.webhook.pk, "own_delivery": self.delivery.public_id}
        found["acme_webhook"] = self.acme_webhook.pk
        found |= {"invite": self.invite.public_id, "own_invite": self.own_invite.public_id}
        for name, side in (("public", self.public), ("private", self.private)):
            found |= {
                f"{name}_comment": side.comment.pk,
                f"{name}_webhook": side.webhook.pk,
                f"{name}_delivery": side.delivery.public_id,
            }
        return found


def make_side(owner: User, commenter: User, visibility: str) -> Side:
    repository = factories.make_repository(owner, f"{visibility}/app", visibility=visibility)
    Repository.objects.filter(pk=repository.pk).update(comment_count=1)
    webhook = make_webhook(repository)
    return Side(
        repository=repository,
        tag=make_tag(repository, "v1", make_manifest(repository, 1), owner),
        comment=Comment.objects.create(repository=repository, author=commenter, text="nice"),
        webhook=webhook,
        delivery=make_delivery(webhook),
    )


def make_invite(owner: User, organization: str, whom: str) -> Invitation:
    """Its mail was sent a while ago."""
    row = invitations.make_invitation(make_organization(owner, organization), owner, whom)
    invitations.send(row)
    invitations.make_old()
    return row


def make_sharing(owner: User, *repositories: Repository) -> None:
    """A guest on the repositories; and a repository of the organization globex for its team `OPS`."""
    factories.make_user("guest")
    actor = factories.actor(owner)
    for repository in repositories:
        grants.grant_to_person(actor=actor, repository=repository, username="guest", role=Grant.Role.READ)
    globex = make_organization(owner, "globex")
    actions.create_repository(actor=actor, namespace="globex", name="cargo")
    ops = Team.objects.create(pk=OPS, organization=globex, name="ops")
    for pattern in ("cargo", "ships/*"):
        grants.grant_to_team(actor=actor, organization=globex, team=ops, pattern=pattern, role=Grant.Role.READ)


def make_world() -> World:
    alice, bob, charlie = (factories.make_user(name) for name in ("alice", "bob", "charlie"))
    secrets = {level.value: factories.make_access_token(alice, level, label=level.value)[1] for level in TokenLevel}
    token, _secret = factories.make_access_token(alice, label="the one in the path")
    invite = make_invite(alice, "acme", "dave@example.org")
    add_member(invite.organization, bob)
    make_team(invite.organization, "devs", bob)
    webhook = make_webhook(alice.namespace, "all")
    world = World(
        alice=alice,
        bob=bob,
        charlie=charlie,
        token=token,
        secrets=secrets,
        public=make_side(alice, bob, "public"),
        private=make_side(alice, bob, "private"),
        invite=invite,
        own_invite=make_invite(bob, "other", "alice"),
        org_token=make_robot(alice, invite.organization)[0],
        webhook=webhook,
        delivery=make_delivery(webhook),
        acme_webhook=make_webhook(invite.organization.namespace, "all of acme"),
    )
    make_sharing(alice, world.public.repository, world.private.repository)
    actions.star_repository(actor=factories.actor(bob), repository=world.public.repository)
    world.bearer = sign_in("alice", factories.PASSWORD)
    return world


def sign_in(username: str, secret: str) -> str:
    answer = Client().post("/v2/users/login/", {"username": username, "password": secret}, "application/json")
    assert answer.status_code == 200, answer.content
    return str(answer.json()["token"])


def unconfirm(user: User) -> None:
    EmailAddress.objects.filter(user=user).update(verified=False)


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


def call(
    method: str, path: str, body: Any = None, *, client: Client | None = None, token: str = "", scheme: str = "Bearer"
) -> Any:
    """One request to /v2/…; a body is sent as JSON."""
    headers = bearer(token, scheme) if token else {}
    data = {} if body is None else {"data": body, "content_type": "application/json"}
    sender = client or Client()
    answer: HttpResponseBase = getattr(sender, method.lower())(f"/v2/{path}", headers=headers, **data)
    return answer
