"""The real product, started by bin/run as an operator starts it, and the clients that people use with it."""

import email as mail_format
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from pathlib import Path

import redis
import requests

from deploy.embedded.images import Image, make_image as build_image, write_layout
from deploy.embedded.processes import read_process

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {"redis", "registry", "web", "gateway", "worker", "beat", "door"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(happened, *, within: float = 30.0, pause: float = 0.05, what: str = "it"):
    """The first true value of `happened()`; AssertionError when there is none in time. Returns that value."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if value := happened():
            return value
        time.sleep(pause)
    raise AssertionError(f"{what} did not happen within {within} s")


@dataclass(frozen=True)
class Account:
    username: str
    password: str

    @property
    def credentials(self) -> str:
        """As skopeo's --creds takes it."""
        return f"{self.username}:{self.password}"

    @property
    def auth(self) -> tuple[str, str]:
        return self.username, self.password


class Product:
    """One installation in a data folder of its own. start() and stop() may be called again and again."""

    def __init__(
        self, data: Path, *, port: int | None = None, options: tuple[str, ...] = (), **environment: str
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.options = options
        self.environment = environment
        self.log = data.with_name(f"{data.name}.log")
        self.process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

    @property
    def host(self) -> str:
        """What stands in front of an image's name."""
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    # -- Its life ---------------------------------------------------------------------------------------------------

    def start(self, *, wait: bool = True) -> "Product":
        command = [str(ROOT / "bin" / "run"), "--port", str(self.port), "--data", str(self.data), *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **self.environment}, start_new_session=True
            )
        if wait:
            self.wait_ready(within=180)
        return self

    def stop(self) -> int:
        """As Ctrl-C does; the exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(timeout=60)
        finally:
            self.process = None

    def restart(self) -> "Product":
        self.stop()
        return self.start()

    def pid_of(self, name: str) -> int:
        """Of one of SERVICES; KeyError while it isn't running."""
        return self.pids()[name]

    def pids(self) -> dict[str, int]:
        noted = json.loads((self.data / "run" / "processes.json").read_text())["processes"]
        return {note["name"]: note["pid"] for note in noted if read_process(note["pid"]) is not None}

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Sends the signal to the named process; call wait_ready() afterwards. The id that was killed."""
        pid = self.pid_of(name)
        os.kill(pid, number)
        if number == signal.SIGKILL:
            wait_until(lambda: read_process(pid) is None, what=f"the end of {name}")
        self._not_before = time.time()
        return pid

    def wait_ready(self, *, within: float = 60.0) -> None:
        """Until every process runs, /readyz is fine, and the worker has taken a task since the last kill()."""
        wait_until(self._is_ready, within=within, pause=0.1, what=f"readiness (see {self.log})")

    def _is_ready(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"bin/run ended with {self.process.returncode}:\n{self.output()[-3000:]}")
        try:
            ready = self.get("/readyz", timeout=10).status_code == 200 and set(self.pids()) >= SERVICES
            return ready and float(self.redis().get("moorage:worker-heartbeat") or 0) > self._not_before
        except (requests.RequestException, redis.RedisError, OSError, ValueError):
            return False

    # -- Its parts --------------------------------------------------------------------------------------------------

    def settings(self) -> dict[str, str]:
        """The MOORAGE_* variables of the running portal."""
        return dict(json.loads((self.data / "run" / "environment.json").read_text()))

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.settings()["MOORAGE_REDIS_URL"], socket_timeout=5, retry=None)

    def output(self) -> str:
        """What bin/run printed, of all starts."""
        return self.log.read_text(errors="replace")

    def manage(self, *arguments: str, stdin: str | None = None) -> str:
        """Standard output of a manage.py command in this installation; AssertionError when it fails."""
        command = [str(ROOT / "bin" / "manage"), "--data", str(self.data), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, input=stdin)
        assert done.returncode == 0, f"manage {arguments} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def shell(self, code: str) -> str:
        """Runs Python code with Django set up, in a process of its own (1.5 s); its standard output."""
        return self.manage("shell", "--no-imports", "-c", code)

    def mails(self, *, to: str | None = None) -> list[EmailMessage]:
        """Mails written so far, oldest first."""
        found = []
        for path in sorted((self.data / "mail").iterdir(), key=lambda path: path.stat().st_mtime_ns):
            for part in re.split(rb"\n-{70,}\n", path.read_bytes()):
                if part.strip():
                    message = mail_format.message_from_bytes(part.strip(), policy=policy.default)
                    assert isinstance(message, EmailMessage)
                    found.append(message)
        return [message for message in found if to is None or to in str(message["To"])]

    # -- Its clients ------------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, **options) -> requests.Response:
        """One HTTP exchange through the door, redirects not followed. `path` is sent as it stands."""
        session = requests.Session()
        session.trust_env = False
        options = {"timeout": 30, "allow_redirects": False, **options}
        with session:
            return session.request(method, self.url + path, **options)

    def get(self, path: str, **options) -> requests.Response:
        return self.request("GET", path, **options)

    def signup(self, username: str, *, confirmed: bool = True, password: str | None = None) -> Account:
        """A new person, whose e-mail address is confirmed unless said otherwise. Past the pages, for speed."""
        account = Account(username, password or f"pass-{secrets.token_hex(8)}")
        email = f"{username}@example.org"
        self.shell(
            "from portal.accounts.actions import create_user\n"
            "from allauth.account.models import EmailAddress\n"
            f"user = create_user(username={username!r}, email={email!r}, password={account.password!r})\n"
            "EmailAddress.objects.create(user=user, email=user.email, primary=True, "
            f"verified={confirmed!r})\n"
        )
        return account

    def token(self, scope: str | list[str] = "", *, account: Account | None = None) -> str:
        """A registry token for the scopes, or an anonymous one."""
        answer = self.get("/token", params={"service": "moorage", "scope": scope}, auth=account and account.auth)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def skopeo(
        self, command: str, *arguments: str, account: Account | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """skopeo COMMAND with plain HTTP and, if given, the account's credentials on the side of the registry.

        Write `docker://{product.host}/alice/app:tag` yourself. For `copy` the registry's side is the one that begins
        so; with `check` a failure is an AssertionError.
        """
        options = ["--tls-verify=false"]
        if command == "copy":
            options = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        if account is not None:
            places = [text for text in arguments if not text.startswith("-")]
            side = ("src-" if places[0].startswith("docker://") else "dest-") if command == "copy" else ""
            options.append(f"--{side}creds={account.credentials}")
        environment = {**os.environ, "HOME": str(self.data.parent), "REGISTRY_AUTH_FILE": "/nonexistent/auth.json"}
        done = subprocess.run(
            ["skopeo", "--insecure-policy", command, *options, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
            env=environment,
        )
        assert done.returncode == 0 or not check, f"skopeo {command} {arguments}: {done.stderr}"
        return done

    def push(self, layout: Path, name: str, account: Account, *, check: bool = True):
        """Pushes an OCI layout made by make_image() as `alice/app:tag`, all its platforms."""
        place = f"docker://{self.host}/{name}"
        return self.skopeo("copy", "--all", f"oci:{layout}:latest", place, account=account, check=check)


def make_image(path: Path, text: str | None = None, *, platforms: int = 1) -> Image:
    """A small image as an OCI layout in the folder `path`, new for every text; without a text it is random."""
    if path.exists():
        shutil.rmtree(path)
    content = secrets.token_bytes(2000) if text is None else text.encode()
    image = build_image({"base": b"#!/bin/sh\necho base\n", "hello": content}, platforms=platforms)
    write_layout(image, path)
    return image
