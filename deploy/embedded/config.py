"""What each process gets: environment variables and rendered files, from the data folder, the address and the ports."""

import json
import os
import random
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.parse import quote

from deploy.embedded.address import Address, listening_on
from deploy.embedded.data import Data
from deploy.embedded.errors import StartError
from deploy.embedded.packages import Tools

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

SERVICE = "moorage"

# Below the range from which Linux takes the ports of outgoing connections, so that none of them can sit on the port of
# a process that is being restarted.
PORTS = range(10_000, 32_000)

# Settings that the operator of bin/run may choose; everything else about an embedded installation is ours.
OPERATORS = (
    "SIGNUP",
    "EMAIL_URL",
    "MAIL_FROM",
    "LOG_LEVEL",
    "DEBUG",
    "WEBHOOK_NETWORKS",
    "WEBHOOK_CA_FILE",
    "WEBHOOKS_AT_ONCE",
    "WEBHOOK_LOG_DAYS",
    "WEBHOOK_ALERT_OLDEST_SECONDS",
    "WEBHOOK_ALERT_SUCCESS_RATE",
    "METRICS_TOKEN",
    "DELETED_IMAGES_KEPT_DAYS",
    "RECONCILE_HOURS",
    "RECONCILE_SECOND_LOOK_MINUTES",
    "RECONCILE_SHARE",
)
LOOPBACK_NETWORKS = "127.0.0.0/8,::1/128"


@dataclass(frozen=True)
class Ports:
    """Loopback ports of one start."""

    web: int
    gateway: int
    registry: int
    redis: int


def choose_ports() -> Ports:
    """Four free ports. Raises StartError when a machine has none."""
    found: list[int] = []
    for port in random.sample(PORTS, k=500):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
        if len(found) == 4:
            return Ports(*found)
    raise StartError("there are no free ports on 127.0.0.1 between 10000 and 32000: stop what uses them")


def portal_environment(data: Data, address: Address, ports: Ports) -> dict[str, str]:
    """For every process that runs the portal's code."""
    return {**_surroundings(), **portal_settings(data, address, ports)}


def portal_settings(data: Data, address: Address, ports: Ports) -> dict[str, str]:
    """What portal/settings.py reads; docs/operations.md explains the variables."""
    password = data.secret("redis_password")
    return {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "MOORAGE_WEBHOOK_NETWORKS": LOOPBACK_NETWORKS,
        **chosen_settings(),
        "MOORAGE_DATA": str(data.folder),
        "MOORAGE_DATABASE_URL": f"sqlite:///{quote(str(data.database))}",
        "MOORAGE_REDIS_URL": f"redis://:{password}@127.0.0.1:{ports.redis}/0",
        "MOORAGE_PUBLIC_URL": address.url,
        "MOORAGE_EXTRA_HOSTS": ",".join(host for host in address.hosts if host != address.docker_host),
        "MOORAGE_REGISTRY_URL": f"http://127.0.0.1:{ports.registry}",
        "MOORAGE_INNER_ADDRESSES": f"127.0.0.1:{ports.web},127.0.0.1:{ports.gateway}",
        "MOORAGE_REGISTRY_SERVICE": SERVICE,
        "MOORAGE_TOKEN_ISSUER": SERVICE,
        "MOORAGE_TOKEN_KEY_FILE": str(data.key("token.key")),
        "MOORAGE_TOKEN_CERT_FILE": str(data.key("token.crt")),
        "MOORAGE_SECRET_KEY_FILE": str(data.key("secret_key")),
        "MOORAGE_ENCRYPTION_KEYS_FILE": str(data.key("encryption_keys")),
        "MOORAGE_NOTIFICATION_SECRET_FILE": str(data.key("notification_secret")),
    }


def chosen_settings() -> dict[str, str]:
    """What the operator set in the environment of bin/run, each directly or as NAME_FILE."""
    names = [f"MOORAGE_{name}{ending}" for name in OPERATORS for ending in ("", "_FILE")]
    return {name: os.environ[name] for name in names if name in os.environ}


def note_settings(data: Data, address: Address, ports: Ports) -> None:
    """For bin/manage, which runs a command in the installation that is up."""
    path = data.run / "environment.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(portal_settings(data, address, ports), indent=1))


def door_environment(data: Data, address: Address, ports: Ports) -> dict[str, str]:
    """What deploy/embedded/Caddyfile reads."""
    hosts = "|".join(re.escape(host) for host in address.hosts)
    interfaces = " ".join(host for _, host in listening_on(address))
    tls = f'tls "{address.certificate}" "{address.key}"' if address.certificate else ""
    site, options, others = f"https://{address.host}:{address.port}", "", ""
    if address.is_local:
        site, options = f"http://:{address.port}", "auto_https off"
    else:
        # A name that no site has would get an empty 200.
        others = f"https://:{address.port} {{\n{tls}\nrespond 421\n}}"
    if address.certificate and address.port != 443:
        options = "auto_https disable_redirects"  # port 80 belongs to somebody else, perhaps
    return {
        **_surroundings(),
        "XDG_DATA_HOME": str(data.path("caddy")),
        "XDG_CONFIG_HOME": str(data.path("caddy")),
        "DOOR_GLOBAL": options,
        "DOOR_SITE": site,
        "DOOR_OTHERS": others,
        "DOOR_BIND": f"bind {interfaces}" if address.is_local else "",
        "DOOR_TLS": tls,
        "DOOR_HOSTS": f"(?i)^({hosts})$",
        "WEB": f"127.0.0.1:{ports.web}",
        "GATEWAY": f"127.0.0.1:{ports.gateway}",
        "REGISTRY": f"127.0.0.1:{ports.registry}",
    }


def program_environment(tools: Tools) -> dict[str, str]:
    """For Redis and the registry. No REGISTRY_* variable of the surroundings may change the rendered file, and
    Distribution 3 would send traces to localhost:4318 unless it is told not to."""
    return {**_surroundings(), **tools.environment(), "OTEL_TRACES_EXPORTER": "none"}


def render_registry(data: Data, ports: Ports, *, version: int) -> Path:
    """`version` is the registry's major version: 2 refuses the list of algorithms, 3 should have it."""
    return _render(
        "registry.yml",
        data,
        storage=json.dumps(str(data.path("registry"))),
        port=ports.registry,
        http_secret=data.secret("registry_http_secret"),
        service=SERVICE,
        issuer=SERVICE,
        certificate=json.dumps(str(data.key("token.crt"))),
        signing="    signingalgorithms:\n      - ES256" if version >= 3 else "",
        web=ports.web,
        notification_secret=data.secret("notification_secret"),
    )


def render_redis(data: Data, ports: Ports) -> Path:
    return _render(
        "redis.conf",
        data,
        port=ports.redis,
        password=data.secret("redis_password"),
        folder=f'"{data.path("redis")}"',
    )


def registry_command(tools: Tools, version: str) -> int:
    """Major version out of `registry --version`: the last word that looks like one."""
    found = re.search(r"\bv?(\d+)\.\d+\.\d+", version)
    if found is None:
        raise StartError(f"{tools.registry} is no registry that we know ({version!r}): versions 2.8 and 3 work")
    return int(found.group(1))


def _render(name: str, data: Data, **values: str | int) -> Path:
    path = data.run / name
    path.touch(mode=0o600)
    path.write_text(Template((HERE / name).read_text()).substitute(values))
    return path


def _surroundings() -> dict[str, str]:
    """The caller's environment without what would change our processes behind their configuration."""
    prefixes = ("MOORAGE_", "REGISTRY_", "DJANGO_", "GRANIAN_", "CELERY_", "PYTHON", "OTEL_", "DOOR_", "LD_", "NOTIFY_")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
