"""Readers of Docker Hub's payload."""

import hashlib
import hmac
import json
from urllib.parse import parse_qs, urlsplit

from tests.system.receiver import Received
from tests.webhooks.receivers.fake import Reader, Understood, header, query, require
from tests.webhooks.receivers.strict import decode

_KEEL = {
    "push_data": {"pushed_at": int, "images": [object], "tag": str, "pusher": str},
    "callback_url": str,
    "repository": {
        "status": str,
        "description": str,
        "is_trusted": bool,
        "full_description": str,
        "repo_url": str,
        "owner": str,
        "is_official": bool,
        "is_private": bool,
        "name": str,
        "namespace": str,
        "star_count": int,
        "comment_count": int,
        "date_created": int,
        "dockerfile": str,
        "repo_name": str,
    },
}
_KARGO = {"push_data": {"media_type": str, "tag": str}, "repository": {"repo_name": str}}
_FLUX = {"push_data": {"tag": str}, "repository": {"repo_url": str}}
_ARGO = {
    "push_data": {"tag": str},
    "repository": {"name": str, "namespace": str, "repo_name": str, "status": str},
}
_HELM = "application/vnd.cncf.helm.config.v1+json"


def split_host(name: str) -> tuple[str, str]:
    """Registry and repository of an image's name: the first part is a host if it has a dot or a colon, or is localhost.

    As github.com/distribution/reference does it.
    """
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "docker.io", name if slash else f"library/{name}"


def keel(received: Received) -> Understood:
    """github.com/keel-hq/keel, pkg/http/dockerhub_webhook_trigger.go: the whole struct, numbers are Go's int."""
    told = decode(received.body, _KEEL)
    require(told["repository"]["repo_name"], 400, "repository name cannot be empty")
    require(told["push_data"]["tag"], 400, "repository tag cannot be empty")
    registry, repository = split_host(told["repository"]["repo_name"])
    return {"registry": registry, "repository": repository, "tag": told["push_data"]["tag"]}


def kargo(received: Received) -> Understood:
    """github.com/akuity/kargo, pkg/webhook/external/dockerhub.go: the media type tells charts from images."""
    told = decode(received.body, _KARGO)
    kind = "chart" if told["push_data"]["media_type"] == _HELM else "image"
    registry, repository = split_host(told["repository"]["repo_name"])
    return {"registry": registry, "repository": repository, "tag": told["push_data"]["tag"], "kind": kind}


def flux(received: Received) -> Understood:
    """github.com/fluxcd/notification-controller, internal/server/receiver_handlers.go, type dockerhub."""
    told = decode(received.body, _FLUX)
    return {"url": told["repository"]["repo_url"], "tag": told["push_data"]["tag"]}


def flux_github(token: str) -> Reader:
    """The same, type github: whatever is signed as GitHub signs it. With google/go-github's ValidatePayload."""

    def read(received: Received) -> Understood:
        require(header(received, "Content-Type").partition(";")[0] == "application/json", 400, "content type")
        kind, _equals, signature = header(received, "X-Hub-Signature-256").partition("=")
        made = hmac.new(token.encode(), received.body, hashlib.sha256).hexdigest()
        require(kind == "sha256" and hmac.compare_digest(signature, made), 400, "the signature is invalid")
        return {"event": header(received, "X-GitHub-Event")}

    return read


def argo_cd(secret: str) -> Reader:
    """github.com/argoproj/argo-cd, util/webhook/dockerhub.go: type and secret in the query; always docker.io."""

    def read(received: Received) -> Understood:
        asked = query(received)
        require(asked.get("type") == ["dockerhub"], 400, "unknown webhook event")
        require(asked.get("secret") == [secret], 401, "invalid secret")
        told = decode(received.body, _ARGO)
        repository = (
            told["repository"]["repo_name"] or f"{told['repository']['namespace']}/{told['repository']['name']}"
        )
        require(told["push_data"]["tag"] and repository != "/", 400, "skipped")
        return {"registry": "docker.io", "repository": repository, "tag": told["push_data"]["tag"]}

    return read


def jenkins(token: str) -> Reader:
    """github.com/jenkinsci/dockerhub-notification-plugin, webhook/JSONWebHook.java and webhook/dockerhub/.

    Reads leniently what it can do without; `pushed_at` is a whole number that is multiplied. Its own answer to what it
    took is a redirect to `../`.
    """

    def read(received: Received) -> Understood:
        require(
            urlsplit(received.path).path == f"/dockerhub-webhook/{token}/notify", 403, "No valid API token provided."
        )
        body = received.body
        if header(received, "Content-Type").startswith("application/x-www-form-urlencoded"):
            body = parse_qs(body.decode(), strict_parsing=True)["payload"][0].encode()
        told = decode(body, {"callback_url": str, "repository": {"repo_name": str}, "push_data": dict})
        pushed = decode(json.dumps(told["push_data"]).encode(), {"tag": str, "pusher": str, "pushed_at": int})
        require(told["repository"]["repo_name"], 500, "repository.repo_name is needed")
        return {
            "DOCKER_TRIGGER_REPO_NAME": told["repository"]["repo_name"],
            "DOCKER_TRIGGER_DOCKER_HUB_HOST": urlsplit(told["callback_url"]).hostname,
            "DOCKER_TRIGGER_TAG": pushed["tag"],
            "DOCKER_TRIGGER_PUSHER": pushed["pusher"],
            "callback_url": told["callback_url"],
        }

    return read


def jenkins_report(result: str) -> bytes:
    """What the plugin posts to the `callback_url` after the build, as `application/json; charset=utf-8`."""
    state = {"SUCCESS": "success", "UNSTABLE": "failure", "FAILURE": "error"}[result]
    told = {"state": state, "description": f"Build result {result}", "context": "Jenkins"}
    target = "https://jenkins.example.org/dockerhub-webhook/details/0123456789abcdef"
    return json.dumps(told | {"target_url": target}).encode()
