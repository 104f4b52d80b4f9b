"""What lists cost in a large installation: `python -m benchmarks.pages [--database postgres] [--scale 0.1]`.

See docs/benchmarks.md. Whole answers of the portal (view, templates, middleware) in one process, without a network:
median, 95th percentile and number of queries of interleaved rounds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import _stage
from benchmarks.access import _database


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="moorage-benchmark-") as name:
        folder = Path(name)
        with _database(options.database, folder) as address:
            environ = _stage.environment(folder, database=address, redis_port=None)
            run = [sys.executable, "-m", "benchmarks._pages_run", str(options.scale), str(options.rounds)]
            done = subprocess.run(run, env=environ, check=True, stdout=subprocess.PIPE)
    found = json.loads(done.stdout)
    print(f"{options.database}, scale {options.scale}, {options.rounds} rounds; filled in {found['filled']:.0f} s")
    print(f"{'case':44}{'median ms':>12}{'p95 ms':>10}{'queries':>10}")
    for case, (median, p95, queries) in found["cases"].items():
        print(f"{case:44}{median:12.1f}{p95:10.1f}{queries:10}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=20)
    return parser.parse_args()


if __name__ == "__main__":
    main()
