"""How fast the audit log answers: `python -m benchmarks.audit [--database postgres] [--events 10000000]`.

Each question is asked for its first page and for one in the middle of the log, in interleaved rounds; printed are
medians of the whole call, Python included. See docs/benchmarks.md.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import _stage


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="moorage-benchmark-", dir=options.folder) as name:
        folder = Path(name)
        with _database(options.database, folder) as address:
            environ = _stage.environment(folder, database=address, redis_port=None)
            run = [sys.executable, "-m", "benchmarks._audit_run", str(options.events), str(options.rounds)]
            subprocess.run(run, env=environ, check=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--folder", help="where there is room: 1.2 kB for each event")
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
