"""docs/webhook-signatures.md: its programs tell signed requests from others, and its example is right."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import time_machine

from repositories.webhooks import signing

PAGE = (Path(__file__).parents[2] / "docs" / "webhook-signatures.md").read_text()
BODY = b'{"push_data": {"tag": "1.0"}, "note": "\xc3\xa4 % \\\\n"}\n'
OLD, NEW = signing.new_secret(), signing.new_secret()

Verify = Callable[[str, dict[str, str], bytes], bool]


def block(language: str, heading: str) -> str:
    found = re.search(rf"^## {heading}\n.*?^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def in_python(secret: str, headers: dict[str, str], body: bytes) -> bool:
    names: dict[str, Any] = {}
    exec(block("python", "Python"), names)
    return bool(names["is_from_moorage"](secret, headers, body))


def in_shell(secret: str, headers: dict[str, str], body: bytes) -> bool:
    given = {name.upper().replace("-", "_"): value for name, value in headers.items()}
    environment = {**os.environ, "WEBHOOK_SECRET": secret, **given}
    command = ["sh", "-c", block("sh", "Shell")]
    done = subprocess.run(command, input=body, env=environment, capture_output=True, check=False, timeout=30)
    assert done.returncode in {0, 1}, done.stderr
    assert done.stderr == b""
    return done.returncode == 0


def by_library(secret: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        standardwebhooks.Webhook(secret).verify(body, headers, json_parse=False)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def signed(secrets: list[str], *, age: int = 0, body: bytes = BODY) -> dict[str, str]:
    timestamp = int(time.time()) - age
    made = signing.signature(secrets, webhook_id="event-1", timestamp=timestamp, body=body)
    return {"Webhook-Id": "event-1", "Webhook-Timestamp": str(timestamp), "Webhook-Signature": made}


@pytest.fixture(params=[in_python, in_shell, by_library])
def verify(request: pytest.FixtureRequest) -> Verify:
    found: Verify = request.param
    return found


def test_what_is_signed_is_accepted_with_either_secret_while_two_overlap(verify: Verify) -> None:
    assert verify(NEW, signed([NEW]), BODY)
    assert verify(NEW, signed([NEW, OLD]), BODY)
    assert verify(OLD, signed([NEW, OLD]), BODY)
    assert verify(NEW, signed([NEW], age=200), BODY)
    assert verify(NEW, signed([NEW], body=b""), b"")


def test_everything_else_is_refused(verify: Verify) -> None:
    good = signed([NEW])
    assert not verify(OLD, good, BODY)
    assert not verify(NEW, good, BODY[:-1])
    assert not verify(NEW, signed([NEW], age=400), BODY)
    assert not verify(NEW, signed([NEW], age=-400), BODY)
    assert not verify(NEW, good | {"Webhook-Id": "event-2"}, BODY)
    assert not verify(NEW, good | {"Webhook-Timestamp": str(int(good["Webhook-Timestamp"]) - 1)}, BODY)
    assert not verify(NEW, good | {"Webhook-Timestamp": "today"}, BODY)
    assert not verify(NEW, good | {"Webhook-Signature": "v1,"}, BODY)
    assert not verify(NEW, good | {"Webhook-Signature": good["Webhook-Signature"].replace("v1,", "v2,")}, BODY)


def test_the_example_is_right() -> None:
    rows = dict(re.findall(r"^\| `?([A-Za-z0-9-]+)`? \| `(.*)` \|$", PAGE.partition("## An example")[2], re.MULTILINE))
    secret, body, timestamp = rows["Secret"], rows["Body"].encode(), int(rows["Webhook-Timestamp"])
    made = signing.signature([secret], webhook_id=rows["Webhook-Id"], timestamp=timestamp, body=body)
    assert made == rows["Webhook-Signature"]
    assert signing.github_signature(secret, body) == rows["X-Hub-Signature-256"]
    with time_machine.travel(timestamp):
        headers = {name: rows[name] for name in ("Webhook-Id", "Webhook-Timestamp", "Webhook-Signature")}
        assert in_python(secret, headers, body)


def test_githubs_signature_in_shell() -> None:
    command = block("sh", "As GitHub signs")
    environment = {**os.environ, "WEBHOOK_SECRET": NEW, "body": "{}"}
    told = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, check=True, timeout=30).stdout
    assert told.decode().split()[-1] == signing.github_signature(NEW, b"{}").removeprefix("sha256=")
