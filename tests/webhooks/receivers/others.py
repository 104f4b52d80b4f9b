"""Receivers with an address or a header as their interface, and those with a format of their own."""

import base64
import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tests.system.receiver import Received
from tests.webhooks.receivers.fake import Reader, Understood, header, query, require
from tests.webhooks.receivers.strict import decode

CARD = "application/vnd.microsoft.card.adaptive"


def portainer(token: str) -> Reader:
    """github.com/portainer/portainer, api/http/handler/webhooks/webhook_execute.go: ignores the body.

    `tag` is optional. The service's new image is what stands before the colon, with the tag.
    """

    def read(received: Received) -> Understood:
        require(
            urlsplit(received.path).path == f"/api/webhooks/{token}", 404, "Unable to find a webhook with this token"
        )
        return {"tag": query(received).get("tag", [""])[0]}

    return read


def watchtower(token: str) -> Reader:
    """github.com/containrrr/watchtower, pkg/api: a bearer token; `image` may name several, parted by commas."""

    def read(received: Received) -> Understood:
        require(header(received, "Authorization") == f"Bearer {token}", 401, "")
        require(urlsplit(received.path).path == "/v1/update", 404, "")
        return {"images": [image for each in query(received).get("image", []) for image in each.split(",")]}

    return read


def azure(user: str, password: str) -> Reader:
    """App Service's /docker/hook: deployment credentials in the URL arrive as Basic; the body is not read."""

    def read(received: Received) -> Understood:
        wanted = base64.b64encode(f"{user}:{password}".encode()).decode()
        require(header(received, "Authorization") == f"Basic {wanted}", 401, "")
        require(urlsplit(received.path).path == "/docker/hook", 404, "")
        return {}

    return read


def github_dispatch(owner: str, repository: str, token: str) -> Reader:
    """docs.github.com/rest/repos/repos, “Create a repository dispatch event”: 204.

    `event_type` of up to 100 characters, `client_payload` of up to 10 keys; a user agent is required.
    """

    def read(received: Received) -> Understood:
        require(received.path == f"/repos/{owner}/{repository}/dispatches", 404, "Not Found")
        require(header(received, "User-Agent"), 403, "Request forbidden by administrative rules")
        require(header(received, "Authorization") == f"Bearer {token}", 401, "Bad credentials")
        require(header(received, "Accept") == "application/vnd.github+json", 415, "Unsupported media type")
        told = decode(received.body, {"event_type": str, "client_payload": dict}, status=422)
        require(set(json.loads(received.body)) <= {"event_type", "client_payload"}, 422, "not a permitted key")
        require(1 <= len(told["event_type"]) <= 100, 422, "event_type is too long or missing")
        require(len(told["client_payload"]) <= 10, 422, "No more than 10 properties are allowed")
        return dict(told)

    return read


def slack(received: Received) -> Understood:
    """docs.slack.dev, incoming webhooks and Block Kit's limits: “ok”, or 400 with a word."""
    told = decode(received.body, {"text": str, "blocks": [dict]})
    require(told["text"], 400, "no_text")
    require(len(told["blocks"]) <= 50, 400, "invalid_blocks")
    for block in told["blocks"]:
        _check_block(block)
    return {"text": told["text"]}


def _check_block(block: dict[str, Any]) -> None:
    if block["type"] == "section":
        texts = [block["text"]]
    else:
        require(block["type"] == "context" and 1 <= len(block["elements"]) <= 10, 400, "invalid_blocks")
        texts = block["elements"]
    for text in texts:
        require(text["type"] in {"mrkdwn", "plain_text"}, 400, "invalid_blocks")
        require(1 <= len(text["text"]) <= 3000, 400, "invalid_blocks")
        require(text["type"] == "plain_text" or not re.search("<[@!#]", text["text"]), 400, "it mentions somebody")


def teams(received: Received) -> Understood:
    """learn.microsoft.com, “Post a workflow when a webhook request is received”: a message with a card, 28 KB."""
    require(len(received.body) <= 28 * 1024, 413, "")
    card = {"type": str, "version": str, "body": [{"type": str}]}
    told = decode(received.body, {"type": str, "attachments": [{"contentType": str, "content": card}]})
    require(told["type"] == "message" and len(told["attachments"]) == 1, 400, "")
    attached = told["attachments"][0]
    require(attached["contentType"] == CARD and attached["content"]["type"] == "AdaptiveCard", 400, "")
    body = json.loads(received.body)["attachments"][0]["content"]["body"]
    return {"text": body[0]["inlines"][0]["text"]}


def discord(received: Received) -> Understood:
    """docs.discord.com, webhook and embed limits: content or embeds, 204."""
    field = {"name": str, "value": str, "inline": bool}
    embed = {"title": str, "url": str, "timestamp": str, "description": str, "fields": [field]}
    told = decode(received.body, {"username": str, "content": str, "embeds": [embed]})
    require(1 <= len(told["embeds"]) <= 10, 400, "Cannot send an empty message")
    for each in told["embeds"]:
        require(len(each["title"]) <= 256 and len(each["fields"]) <= 25, 400, "BASE_TYPE_MAX_LENGTH")
        require(all(1 <= len(part["value"]) <= 1024 and part["name"] for part in each["fields"]), 400, "BASE_TYPE")
        datetime.fromisoformat(each["timestamp"])
    return {"title": told["embeds"][0]["title"]}
