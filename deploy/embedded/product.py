"""The processes of the product, in the order of their start, and the moment when all of it answers."""

import asyncio
import http.client
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded import config
from deploy.embedded.address import Address
from deploy.embedded.config import ROOT, Ports
from deploy.embedded.data import Data
from deploy.embedded.door import open_door
from deploy.embedded.errors import StartError
from deploy.embedded.packages import Tools
from deploy.embedded.supervisor import Service, Supervisor

# Seconds until /readyz has to be fine. A first start migrates, and the machine may be slow.
READY_WITHIN = 180.0

# To the registry it is an error when a client asks whether a blob is there, as every push does first.
REGISTRY_NOISE = r'err\.code="(blob|manifest|name|tag) unknown"'
# Its warnings are about 16 threads on few cores, which is meant. The limit for its workers to stop is shorter than the
# supervisor's, so that it is granian itself that ends a worker that hangs.
GRANIAN = [
    "--interface",
    "wsgi",
    "--host",
    "127.0.0.1",
    "--no-ws",
    "--log-level",
    "error",
    "--respawn-failed-workers",
    "--workers-kill-timeout",
    "8",
]
# Celery warns root because of pickled tasks; ours are JSON.
CELERY = ["-W", "ignore:You're running the worker with superuser privileges", "-m", "celery", "--quiet"]
WORKER = ["--pool", "threads", "--concurrency", "16", "--without-gossip", "--without-mingle"]


@dataclass(frozen=True)
class Product:
    """One start of everything: where its data are, where it answers, and the ports in between."""

    data: Data
    address: Address
    ports: Ports
    tools: Tools
    registry_version: int

    def redis(self) -> Service:
        command = [str(self.tools.redis), str(config.render_redis(self.data, self.ports))]
        return Service("redis", command, config.program_environment(self.tools), self.data.run, stage=1)

    def prepare(self) -> Service:
        """Migrations, static files, first superuser. Prints the superuser as one line of JSON, if it made one."""
        return self._python("migrate", "-m", "deploy.embedded.prepare")

    def demo(self) -> Service:
        """Fills in people and images through the door; prints one line of JSON if it did."""
        address = self.address
        options = ["--port", str(address.port)]
        if not address.is_local:
            options = ["--public-url", address.url, "--cert", str(address.certificate), "--key", str(address.key)]
        return self._python("demo", "-m", "deploy.embedded.demo", *options)

    def services(self) -> list[Service]:
        """All but Redis, which runs already."""
        return [self._registry(), self._web(), self._gateway(), self._worker(), self._beat(), self._door()]

    def _registry(self) -> Service:
        rendered = config.render_registry(self.data, self.ports, version=self.registry_version)
        command = [str(self.tools.registry), "serve", str(rendered)]
        environment = config.program_environment(self.tools)
        return Service("registry", command, environment, self.data.run, noise=REGISTRY_NOISE)

    def _web(self) -> Service:
        return self._granian("web", self.ports.web, workers=2, threads=2)

    def _gateway(self) -> Service:
        # Each waits for the registry and for other pushes of the same tag, and does little else.
        return self._granian("gateway", self.ports.gateway, workers=1, threads=16)

    def _worker(self) -> Service:
        # Threads: a delivery waits for somebody else's server, it doesn't compute. Ten receivers that hang stop nobody.
        return self._celery("worker", *WORKER)

    def _beat(self) -> Service:
        return self._celery("beat", "--schedule", str(self.data.path("run", "beat")), "--pidfile", "")

    def _door(self) -> Service:
        command = [str(self.tools.caddy), "run", "--adapter", "caddyfile", "--config", str(config.HERE / "Caddyfile")]
        return Service("door", command, config.door_environment(self.data, self.address, self.ports), self.data.run)

    def _granian(self, name: str, port: int, *, workers: int, threads: int) -> Service:
        size = ["--workers", str(workers), "--blocking-threads", str(threads), "--port", str(port)]
        return self._python(name, "-m", "granian", *GRANIAN, *size, "portal.wsgi:application")

    def _celery(self, kind: str, *options: str) -> Service:
        return self._python(kind, *CELERY, "-A", "portal.celery", kind, "--loglevel", "WARNING", *options)

    def _python(self, name: str, *arguments: str) -> Service:
        return Service(name, [sys.executable, *arguments], self.environment(), ROOT)

    def environment(self) -> dict[str, str]:
        """For anything that runs the portal's code in this installation, such as manage.py."""
        return config.portal_environment(self.data, self.address, self.ports)


async def bring_up(product: Product, supervisor: Supervisor) -> dict[str, str] | None:
    """Starts everything and returns when it is ready: the first superuser, if this start made one.

    Raises StartError when a step fails.
    """
    config.note_settings(product.data, product.address, product.ports)
    await supervisor.start(product.redis())
    status, output = await supervisor.run_once(product.prepare())
    if status != 0:
        raise StartError("the database cannot be prepared: the lines above say why")
    for service in product.services():
        await supervisor.start(service)
    await _ready(product, supervisor)
    return _json_line(output)


async def fill_in(product: Product, supervisor: Supervisor) -> dict[str, str] | None:
    """The people of --demo and their password, if this start made them. Raises StartError."""
    status, output = await supervisor.run_once(product.demo())
    if status != 0:
        raise StartError("--demo failed: the lines above say why")
    return _json_line(output)


def _json_line(output: str) -> dict[str, str] | None:
    lines = [line for line in output.splitlines() if line.startswith("{")]
    return dict(json.loads(lines[-1])) if lines else None


async def _ready(product: Product, supervisor: Supervisor) -> None:
    deadline = asyncio.get_running_loop().time() + READY_WITHIN
    last = "no answer"
    while asyncio.get_running_loop().time() < deadline:
        if supervisor.gave_up.is_set():
            raise StartError(supervisor.complaint)
        ready, last = await asyncio.to_thread(_ask, product)
        if ready:
            return
        await asyncio.sleep(0.2)
    raise StartError(f"not ready after {READY_WITHIN:.0f} s ({last}): the lines above say why")


def _ask(product: Product) -> tuple[bool, str]:
    """One look at /readyz: through the door, or past it while a certificate may still be on its way."""
    address = product.address
    try:
        connection = open_door(address, port=product.ports.web if address.by_acme else None)
    except OSError as error:
        return False, f"the door: {error}"
    try:
        connection.request("GET", "/readyz", headers={"Host": address.docker_host})
        answer = connection.getresponse()
        text = answer.read(300).decode(errors="replace")
        return answer.status == 200, f"/readyz says {answer.status}: {text}"
    except (OSError, http.client.HTTPException) as error:
        return False, f"/readyz: {error}"
    finally:
        connection.close()


def describe(product: Product, superuser: dict[str, str] | None, people: dict[str, str] | None = None) -> str:
    """What the operator reads when all is ready."""
    address, chosen = product.address, config.chosen_settings().keys()
    by_smtp = {"MOORAGE_EMAIL_URL", "MOORAGE_EMAIL_URL_FILE"} & chosen
    rows = [
        ("mails", "sent as MOORAGE_EMAIL_URL says" if by_smtp else f"files in {_short(product.data.mail)}"),
        ("docker", f"docker login {address.docker_host}"),
        ("", f"docker push {address.docker_host}/<namespace>/<repository>"),
    ]
    if superuser is not None:
        found = f"{superuser['username']}   password {superuser['password']}"
        rows = [("first superuser", found), ("", "(shown only now; change it after signing in)"), *rows]
    if people is not None:
        rows = [("demo", f"{people['people']}   password {people['password']}"), ("", "(shown only now)"), *rows]
    if not {"MOORAGE_WEBHOOK_NETWORKS", "MOORAGE_WEBHOOK_NETWORKS_FILE"} & chosen:
        rows.append(("webhooks", "may call loopback addresses of this machine (MOORAGE_WEBHOOK_NETWORKS= forbids it)"))
    if address.by_acme:
        rows.append(("certificate", "by ACME: port 80 or 443 of this machine must be reachable under that name"))
    rows += [("data", _short(product.data.folder)), ("stop", "Ctrl-C")]
    return "\n".join([f"Moorage is ready at {address.url}", "", *(f"  {name:<17} {text}" for name, text in rows)])


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) and path != here else str(path)
