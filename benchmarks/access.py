"""What rights cost in a large organization: `python -m benchmarks.access [--database postgres]`.

See docs/benchmarks.md.

Twice, with 1,000 and with 10,000 repositories, each with ten grants for every repository, so that growth shows.
Interleaved rounds in one process, Python included unless the case says otherwise.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import _stage

GRANTS_FOR_EACH = 10
Found = dict[str, tuple[float, float]]
"""Case -> median and best."""


def main() -> None:
    options = _options()
    counts = (options.repositories // 10, options.repositories)
    found = [_run(options, count) for count in counts]
    small, large = found
    print(f"{options.database}, {options.rounds} rounds; milliseconds: median, and of the round disturbed least")
    print(f"{'case':38}" + "".join(f"{count:>12,}{'best':>8}" for count in counts) + f"{'ratio':>8}")
    for name in small:
        ratio = large[name][1] / small[name][1]
        print(f"{name:38}" + "".join(f"{row[name][0]:12.2f}{row[name][1]:8.2f}" for row in found) + f"{ratio:8.1f}")


def _run(options: argparse.Namespace, count: int) -> Found:
    with tempfile.TemporaryDirectory(prefix="moorage-benchmark-") as name:
        folder = Path(name)
        with _database(options.database, folder) as address:
            environ = _stage.environment(folder, database=address, redis_port=None)
            run = [sys.executable, "-m", "benchmarks._access_run"]
            numbers = [str(count), str(count * GRANTS_FOR_EACH), str(options.rounds)]
            done = subprocess.run([*run, *numbers], env=environ, check=True, stdout=subprocess.PIPE)
    found: Found = json.loads(done.stdout)
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.access")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--repositories", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)
    return parser.parse_args()


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'db.sqlite3'}"
        return
    with _stage.postgres(folder) as address:
        yield address


if __name__ == "__main__":
    main()
