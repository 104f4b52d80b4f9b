"""How many registry tokens a second: `python -m benchmarks.token [--database postgres]`. See docs/benchmarks.md.

Rounds are interleaved, so that whatever else the machine does falls on every case alike; what is printed are medians.
"""

import argparse
import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import _stage
from benchmarks._load import Request, Result, cpu_seconds, measure, median

CONSTANT = "constant view"
CONNECTIONS = 16
MOST = 200_000


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="moorage-benchmark-") as name:
        folder = Path(name)
        with _stage.redis(folder) as redis_port, _database(options.database, folder) as address:
            environ = _stage.environment(folder, database=address, redis_port=redis_port)
            seed = [sys.executable, "-m", "benchmarks._seed"]
            made = json.loads(subprocess.run(seed, env=environ, check=True, stdout=subprocess.PIPE).stdout)
            with _stage.web_server(environ) as (port, pid):
                results = _rounds(_requests(made), port, pid, options)
    print(
        f"{options.database}, {'Redis' if redis_port else 'no Redis'}, {options.rounds} rounds of {options.seconds} s"
    )
    _print(results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.token")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each case in each round")
    return parser.parse_args()


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'db.sqlite3'}"
        return
    with _stage.postgres(folder) as address:
        yield address


def _requests(made: dict[str, str]) -> list[Request]:
    user, token, password = made["user"], made["access_token"], made["password"]
    own, shared = _token(made["private"], "pull,push"), _token(made["shared"], "pull,push")
    return [
        Request(CONSTANT, _get("/constant")),
        Request("anonymous, pull", _get(_token(made["public"], "pull"))),
        Request("access token, pull and push", _get(own, user, token)),
        Request("the same, through a team", _get(shared, user, token)),
        Request("password, pull and push", _get(own, user, password)),
    ]


def _token(repository: str, actions: str) -> str:
    return f"/token?service=moorage&scope=repository:{repository}:{actions}"


def _get(path: str, login: str = "", secret: str = "") -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost:8000", "User-Agent: docker/28.2"]
    if login:
        lines.append("Authorization: Basic " + base64.b64encode(f"{login}:{secret}".encode()).decode())
    return "\r\n".join([*lines, "", ""]).encode()


def _rounds(requests: list[Request], port: int, pid: int, options: argparse.Namespace) -> dict[str, list[Result]]:
    """The first round is not counted: it fills caches and opens connections."""
    results: dict[str, list[Result]] = {request.name: [] for request in requests}
    for number in range(options.rounds + 1):
        for request in requests:
            seconds = options.seconds if number else min(1.0, options.seconds)
            result = measure(
                request, port=port, connections=CONNECTIONS, seconds=seconds, most=MOST, cpu=lambda: cpu_seconds(pid)
            )
            if number:
                results[request.name].append(result)
    return results


def _print(results: dict[str, list[Result]]) -> None:
    print(f"{'case':30}{'req/s':>8}{'p50 ms':>8}{'p99 ms':>8}{'CPU ms':>8}{'rate ratio':>12}{'CPU ratio':>11}")
    for name, rounds in results.items():
        rate = median([a.rate / b.rate for a, b in zip(rounds, results[CONSTANT], strict=True)])
        cpu = median([b.cpu / a.cpu for a, b in zip(rounds, results[CONSTANT], strict=True)])
        figures = [
            f"{median([r.rate for r in rounds]):8.0f}",
            *(f"{median([r.percentile(share) for r in rounds]):8.1f}" for share in (0.5, 0.99)),
            f"{median([r.cpu for r in rounds]):8.3f}{rate:12.2f}{cpu:11.2f}",
        ]
        print(f"{name:30}" + "".join(figures))


if __name__ == "__main__":
    main()
