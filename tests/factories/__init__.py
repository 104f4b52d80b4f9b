"""Makes rows the way the product does: through its actions."""

from allauth.account.models import EmailAddress

from portal.accounts import actions as accounts
from portal.accounts.actor import Actor, Credential, CredentialKind, actor_for
from portal.accounts.credentials import access_token_credential
from portal.accounts.models import PersonalAccessToken, TokenLevel, User
from repositories import actions as repositories
from repositories.models import Repository

PASSWORD = "correct horse battery"


def make_user(name: str, *, confirmed: bool = True) -> User:
    user = accounts.create_user(username=name, email=f"{name}@example.org", password=PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=confirmed, primary=True)
    return user


def actor(user: User, *, kind: CredentialKind = CredentialKind.SESSION) -> Actor:
    confirmed = EmailAddress.objects.filter(user=user, verified=True).exists()
    return actor_for(user, confirmed=confirmed, credential=Credential(kind=kind))


def make_access_token(user: User, level: str = TokenLevel.ADMIN, label: str = "ci") -> tuple[PersonalAccessToken, str]:
    return accounts.create_access_token(actor=actor(user), label=label, level=level)


def token_actor(user: User, level: str = TokenLevel.ADMIN) -> Actor:
    token, _secret = make_access_token(user, level)
    confirmed = EmailAddress.objects.filter(user=user, verified=True).exists()
    return actor_for(user, confirmed=confirmed, credential=access_token_credential(token.pk, token.label, token.level))


def make_repository(owner: User, name: str, *, visibility: str = "private", description: str = "") -> Repository:
    return repositories.create_repository(
        actor=actor(owner), namespace=owner.username, name=name, visibility=visibility, description=description
    )
