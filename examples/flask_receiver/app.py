"""A receiver of Moorage's webhooks: checks the signature, keeps what came, answers, and acts afterwards, once.

    MOORAGE_WEBHOOK_SECRET=whsec_… flask --app app run --port 5000

The webhook has the format “Moorage: everything” and the URL http://this-machine:5000/webhook.
"""

import json
import logging
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

INBOX = Path(os.environ.get("INBOX", "inbox.sqlite3"))
SECRET = os.environ["MOORAGE_WEBHOOK_SECRET"]
LOOK_AGAIN = 60.0  # seconds until work that failed is tried again

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
log = logging.getLogger("receiver")
app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024
arrived = threading.Event()


@app.post("/webhook")
def receive() -> Response:
    """2xx says that it will not get lost here: it is answered once it is on the disk, and long before it is done."""
    body = request.get_data()  # the bytes that were signed, before anything parses them
    try:
        Webhook(SECRET).verify(body, dict(request.headers), json_parse=False)
    except (WebhookVerificationError, ValueError) as error:
        log.warning("Refused: %s", error)
        return Response("the signature does not match\n", status=401)
    with closing(inbox()) as database, database:
        # The same event comes again when our answer got lost, or when somebody delivers it again: it is kept once.
        database.execute("INSERT OR IGNORE INTO events (id, body) VALUES (?, ?)", (request.headers["Webhook-Id"], body))
    arrived.set()
    return Response(status=204)


def inbox() -> sqlite3.Connection:
    database = sqlite3.connect(INBOX, timeout=10)
    database.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body BLOB, done INTEGER DEFAULT 0)")
    return database


def work() -> None:
    """What is not done, oldest first, also what was left when the program ended."""
    while True:
        arrived.clear()
        with closing(inbox()) as database:
            waiting = database.execute("SELECT id, body FROM events WHERE NOT done ORDER BY rowid").fetchall()
        for event_id, body in waiting:
            try:
                act(json.loads(body))
            except Exception:
                log.exception("Event %s is tried again later.", event_id)
                break  # in order: what comes after waits
            with closing(inbox()) as database, database:
                database.execute("UPDATE events SET done = 1 WHERE id = ?", (event_id,))
        arrived.wait(LOOK_AGAIN)


def act(event: dict[str, Any]) -> None:
    """Yours: deploy, build, tell somebody. May happen twice when the program is killed in between."""
    if event["type"] == "push":
        tag = event["tag"]
        log.info("deploy %s (%s)", tag["pull_reference"], tag["digest"])
    else:
        log.info("nothing to do for %s: %s", event["type"], event["summary"])


threading.Thread(target=work, name="work", daemon=True).start()
