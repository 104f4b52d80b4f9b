"""Who a job works for, as they are now: whoever lost the right, or whose token was revoked, deletes nothing more."""

from dataclasses import replace

from portal.accounts.actor import Actor, Credential, CredentialKind
from repositories.deletion.models import BulkDeletion
from repositories.registry import verify
from repositories.registry.verify import Verified


def actor_of(job: BulkDeletion) -> Actor:
    """One query. Raises Unauthorized when the person, or the access token that was used, is gone or switched off.

    A browser's session needn't last as long as the job.
    """
    by_session = job.credential_claim == CredentialKind.SESSION.name
    claim = CredentialKind.PASSWORD.name if by_session else job.credential_claim
    actor = verify.actor_of(Verified(subject=job.actor_public_id, access=(), credential=claim))
    if by_session:
        actor = replace(actor, credential=Credential(kind=CredentialKind.SESSION))
    return actor.seen_from(address=job.address, client=client_of(job))


def client_of(job: BulkDeletion) -> str:
    """What histories and events name as the client: by that, a tag that the job dealt with is known."""
    return f"Moorage job {job.pk}"
