"""Pushes an image as docker does, in a few lines: for --demo, where there may be no container engine."""

import base64
import http.client
import json
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from deploy.embedded.address import Address
from deploy.embedded.config import SERVICE
from deploy.embedded.door import open_door
from deploy.embedded.images import Document, Image


class PushError(Exception):
    """The registry or the portal refused; its words."""


@dataclass
class Pusher:
    """Pushes as one person. Every push() takes a connection and a token of its own."""

    address: Address
    username: str
    password: str

    def push(self, image: Image, repository: str, *tags: str) -> None:
        """Blobs, then the platforms of an index, then the tags. Raises PushError, OSError."""
        connection = open_door(self.address, timeout=60)
        try:
            exchange = _Exchange(connection, self.address.docker_host)
            exchange.authorization = f"Bearer {self._token(exchange, repository)}"
            for digest, content in image.blobs.items():
                self._push_blob(exchange, repository, digest, content)
            for child in image.children:
                self._put(exchange, repository, child.digest, child)
            for tag in tags:
                self._put(exchange, repository, tag, image.top)
        finally:
            connection.close()

    def _token(self, exchange: "_Exchange", repository: str) -> str:
        basic = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        exchange.authorization = f"Basic {basic}"
        scope = quote(f"repository:{repository}:pull,push")
        return str(json.loads(exchange.ask("GET", f"/token?service={SERVICE}&scope={scope}", 200)[1])["token"])

    def _push_blob(self, exchange: "_Exchange", repository: str, digest: str, content: bytes) -> None:
        if exchange.ask("HEAD", f"/v2/{repository}/blobs/{digest}", 200, 404)[0].status == 200:
            return
        answer, _ = exchange.ask("POST", f"/v2/{repository}/blobs/uploads/", 202)
        place = urlsplit(answer.headers["Location"])
        target = f"{place.path}?{place.query}{'&' if place.query else ''}digest={quote(digest)}"
        exchange.ask("PUT", target, 201, body=content, content_type="application/octet-stream")

    def _put(self, exchange: "_Exchange", repository: str, reference: str, document: Document) -> None:
        path = f"/v2/{repository}/manifests/{reference}"
        exchange.ask("PUT", path, 201, body=document.content, content_type=document.media_type)


@dataclass
class _Exchange:
    connection: http.client.HTTPConnection
    host: str
    authorization: str = ""

    def ask(
        self, method: str, path: str, *expected: int, body: bytes | None = None, content_type: str = ""
    ) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {"Host": self.host, "Authorization": self.authorization, "User-Agent": "Moorage demo"}
        if content_type:
            headers["Content-Type"] = content_type
        self.connection.request(method, path, body=body, headers=headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status not in expected:
            raise PushError(f"{method} {path}: {answer.status} {content[:300].decode(errors='replace')}")
        return answer, content
