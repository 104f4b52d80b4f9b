"""Readers of Harbor's default payload. All compare the header Authorization with a secret, and nothing else."""

from typing import Any

from tests.system.receiver import Received
from tests.webhooks.receivers.fake import Reader, Understood, header, require
from tests.webhooks.receivers.strict import decode

_ARGO = {
    "type": str,
    "occur_at": int,
    "operator": str,
    "event_data": {
        "resources": [{"digest": str, "tag": str, "resource_url": str}],
        "repository": {"name": str, "namespace": str, "repo_full_name": str, "repo_type": str, "date_created": int},
    },
}


def argo_cd(secret: str) -> Reader:
    """github.com/argoproj/argo-cd, util/webhook/harbor.go: the registry is the host of `resource_url`."""

    def read(received: Received) -> Understood:
        told = _authorized(received, secret)
        require(told["type"] == "PUSH_ARTIFACT", 200, "skipped")
        resource = told["event_data"]["resources"][0]
        return {
            "registry": resource["resource_url"].partition("/")[0],
            "repository": told["event_data"]["repository"]["repo_full_name"],
            "tag": resource["tag"],
        }

    return read


def kargo(secret: str) -> Reader:
    """github.com/akuity/kargo, pkg/webhook/external/harbor.go: other types than a push are answered 400."""

    def read(received: Received) -> Understood:
        told = _authorized(received, secret)
        require(told["type"] == "PUSH_ARTIFACT", 400, "unsupported event type")
        resources = told["event_data"]["resources"]
        image = resources[0]["resource_url"].partition("@")[0].rpartition(":")[0]
        return {"image": image, "tags": [each["tag"] for each in resources]}

    return read


def flux(token: str) -> Reader:
    """github.com/fluxcd/notification-controller, type harbor: the body is not read."""

    def read(received: Received) -> Understood:
        require(header(received, "Authorization") == token, 400, "the Harbor Authorization header does not match")
        return {}

    return read


def _authorized(received: Received, secret: str) -> Any:
    require(header(received, "Authorization") == secret, 401, "unauthorized")
    return decode(received.body, _ARGO)
