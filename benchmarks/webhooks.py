"""From the push to the receiver: `python -m benchmarks.webhooks [--only push,rate,…] [--database postgres]`.

See docs/benchmarks.md. Four questions, each on an installation of its own: how soon a receiver hears of a push,
how many deliveries a second there are, what ten thousand webhooks of one push do to the portal's pages, and what a
thousand receivers that hang do to one that works. Receivers are on loopback, each on an address of its own.
"""

import argparse
import contextlib
import http.client
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import _stage, push as pushes
from benchmarks._load import cpu_seconds
from benchmarks._webhooks_stage import OWNER, Driver, Receivers, Site, receivers, site
from benchmarks.access import _database

BARE_THREADS = 16


def main() -> None:
    options = _options()
    for name in options.only:
        with tempfile.TemporaryDirectory(prefix="moorage-benchmark-") as folder:
            Path(folder).chmod(0o755)
            SECTIONS[name](Path(folder), options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhooks")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(SECTIONS), help=", ".join(SECTIONS))
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite", help="not of `push`")
    parser.add_argument("--pushes", type=int, default=200)
    parser.add_argument("--pace", type=float, default=4, help="pushes in a second")
    parser.add_argument("--deliveries", type=int, default=6_000, help="of `rate`, over 50 webhooks")
    parser.add_argument("--hooks", type=int, default=10_000, help="that hear of one push")
    parser.add_argument("--hanging", type=int, default=1_000, help="receivers that never answer")
    parser.add_argument("--seconds", type=int, default=60, help="of `hanging`")
    return parser.parse_args()


@contextlib.contextmanager
def _site(folder: Path, options: argparse.Namespace) -> Iterator[Site]:
    with _database(options.database, folder) as address, site(folder, address) as running:
        yield running


def _title(text: str) -> None:
    """With the load when it began: other work falls on these figures."""
    print(f"\n{text} (load {os.getloadavg()[0]:.1f})", flush=True)


def _told(milliseconds: Sequence[float]) -> str:
    middle, high = _share(milliseconds, 0.5), _share(milliseconds, 0.99)
    return f"p50 {middle:7.1f} ms   p99 {high:7.1f} ms   most {max(milliseconds):7.1f} ms"


def _share(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


# -- From the push to the receiver ------------------------------------------------------------------------------------


def push(folder: Path, options: argparse.Namespace) -> None:
    """The whole product, by bin/run: manifests pushed through the door, one after another at a pace."""
    with pushes._product(folder) as door, receivers() as there:  # noqa: SLF001  one start of the product
        settings = json.loads((folder / "data" / "run" / "environment.json").read_text())
        with contextlib.closing(Driver({**os.environ, **settings})) as driver:
            _title(f"push: {options.pushes} pushes, {options.pace:g} a second, SQLite")
            took, answered = _push_all(door, driver, there, options)
        arrived = {tag: at for _path, tag, at in there.wait(options.pushes, within=60)}
    delays = [(arrived[tag] - at) * 1000 for tag, at in answered.items()]
    early = sum(delay < 0 for delay in delays)
    print(f"the push itself               {_told(took)}")
    print(
        f"its answer to the first byte  {_told([max(delay, 0) for delay in delays])}   {early} came before the answer"
    )
    print(f"ratio of the medians          {statistics.median(delays) / statistics.median(took):.2f}", flush=True)


def _push_all(
    door: pushes.Target, driver: Driver, there: Receivers, options: argparse.Namespace
) -> tuple[list[float], dict[str, float]]:
    """Milliseconds of each push, and when it was answered. The first makes the repository and is not counted."""
    name = f"{pushes.USER}/app"
    with contextlib.closing(pushes.Client(door, name)) as client:
        blobs, manifest, descriptors = pushes._image(1, 1024)  # noqa: SLF001  likewise
        client.push(blobs, manifest, descriptors, tag="first")
        driver("hooks", name, [there.url(0, "/ok")])
        took, answered = [], {}
        for number in range(options.pushes):
            body = json.dumps(json.loads(manifest) | {"annotations": {"number": str(number)}}).encode()
            path, headers = f"/v2/{name}/manifests/{number}", {"Content-Type": pushes.MANIFEST}
            began = time.monotonic()
            client.call("PUT", path, status=201, body=body, headers=headers)
            answered[str(number)] = time.monotonic()
            took.append((answered[str(number)] - began) * 1000)
            time.sleep(max(1 / options.pace - (time.monotonic() - began), 0))
    return took, answered


# -- How many a second ------------------------------------------------------------------------------------------------


def rate(folder: Path, options: argparse.Namespace) -> None:
    """As many pushes as it takes, to 50 webhooks at 50 hosts, recorded as quickly as the database takes them."""
    count = options.deliveries // 50
    with _site(folder, options) as running:
        urls = [running.receivers.url(number, "/ok") for number in range(50)]
        name = running.hooks("app", urls)
        running.driver("push", name, "first")
        running.receivers.wait(50, within=60)
        _title(f"rate: {count * 50:,} deliveries to 50 hosts, {options.database}")
        alone = running.driver("bare", urls, count * 50, BARE_THREADS)
        running.receivers.drain()
        used, began = cpu_seconds(running.worker), time.monotonic()
        for number in range(count):
            running.driver("push", name, f"1.{number}")
        recorded = time.monotonic() - began
        arrived = running.receivers.wait(count * 50, within=600)
        took = max(at for _path, _tag, at in arrived) - began
        cpu = (cpu_seconds(running.worker) - used) * 1000 / (count * 50)
        _settled(running, delivered=(count + 1) * 50)
    print(
        f"deliveries: {count * 50 / took:6.0f}/s in {took:.1f} s (recorded in {recorded:.1f} s), CPU {cpu:.2f} ms each"
    )
    print(
        f"the client alone, {BARE_THREADS} threads: {count * 50 / alone:6.0f}/s   ratio {alone / took:.2f}", flush=True
    )


def _settled(running: Site, *, delivered: int) -> None:
    """The last outcomes are written after the last arrival. A run that delivered something else measured nothing."""
    ends = time.monotonic() + 30
    while (states := running.driver("states")) != {"unread": 0, "delivered": delivered}:
        if time.monotonic() > ends:
            raise SystemExit(f"Not all was delivered: {states}")
        time.sleep(0.2)


# -- Many webhooks of one push ----------------------------------------------------------------------------------------


def hooks(folder: Path, options: argparse.Namespace) -> None:
    """Pages are asked for one after another, before, meanwhile and after."""
    with _site(folder, options) as running:
        urls = [running.receivers.url(number % 500, f"/ok/{number}") for number in range(options.hooks)]
        name = running.hooks("app", urls, with_tags=True)
        with _web(running) as port:
            page = Page(port, f"/{name}/-/tags")
            page.ask_for(20)
            _title(f"hooks: {options.hooks:,} webhooks of one push, {options.database}")
            before = page.ask_for(100)
            pushed = running.driver("push", name, "1.0")
            meanwhile: list[float] = []
            ask = partial(page.note, meanwhile)
            come = running.receivers.wait(options.hooks, within=900, meanwhile=ask)
            took, first = (way(at for _path, _tag, at in come) - pushed for way in (max, min))
            _settled(running, delivered=options.hooks)
            after = page.ask_for(100)
    idle = before + after
    print(f"drained in {took:.1f} s: {options.hooks / took:.0f}/s; the first came after {first:.2f} s")
    for what, share in (("median", 0.5), ("p95", 0.95)):
        one, other = _share(meanwhile, share), _share(idle, share)
        print(f"a page of tags, {what:6}: meanwhile {one:6.1f} ms   idle {other:6.1f} ms   ratio {one / other:.2f}")
    print(f"{len(meanwhile)} pages meanwhile, {len(idle)} idle", flush=True)


@contextlib.contextmanager
def _web(running: Site) -> Iterator[int]:
    with _stage.web_server(running.environ) as (port, _pid):
        yield port


@dataclass(frozen=True)
class Page:
    port: int
    path: str

    def note(self, took: list[float]) -> None:
        took.extend(self.ask_for(5))

    def ask_for(self, times: int) -> list[float]:
        """Milliseconds of each, one every 50 ms."""
        took = []
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            for _each in range(times):
                began = time.perf_counter()
                connection.request("GET", self.path, headers={"Host": "localhost:8000"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise SystemExit(f"{self.path} was answered {answer.status}")
                took.append((time.perf_counter() - began) * 1000)
                time.sleep(0.05)
        return took


# -- Receivers that hang ----------------------------------------------------------------------------------------------


def hanging(folder: Path, options: argparse.Namespace) -> None:
    """Twice: those that hang always did, or answered until a moment ago, so that nothing is known against them."""
    for path, what in (("/hang", "never answered"), ("/turn", "answered until now")):
        under = folder / path[1:]
        under.mkdir()
        under.chmod(0o755)
        with _site(under, options) as running:
            _hanging(running, path, what, options)


def _hanging(running: Site, path: str, what: str, options: argparse.Namespace) -> None:
    """The working one hears of a push every half second, those that hang of one every five seconds."""
    urls = [running.receivers.url(number, path) for number in range(1, options.hanging + 1)]
    hang, works = running.hooks("hang", urls), running.hooks("works", [running.receivers.url(0, "/ok")])
    running.driver("push", hang, "first")
    running.receivers.wait(options.hanging if path == "/turn" else 1, within=120)
    time.sleep(2)
    memory = running.peak_memory()
    _title(f"hanging: {options.hanging:,} receivers that {what}, {options.database}")
    quiet = _delays(running, works, "quiet", 20)
    running.receivers.turn()
    delays = _delays(running, works, "app", options.seconds * 2, besides=partial(_push_hanging, running, hang))
    print(f"the one that works, alone     {_told(quiet)}")
    print(f"the one that works, meanwhile {_told(delays)}")
    print(f"the worker's memory: {running.peak_memory():.0f} MiB at most, {memory:.0f} MiB before")
    print(f"deliveries: {running.driver('states')}", flush=True)


def _push_hanging(running: Site, hang: str, number: int) -> None:
    if number % 10 == 0:
        running.driver("push", hang, f"1.{number}")


def _delays(
    running: Site, works: str, prefix: str, count: int, *, besides: Callable[[int], None] = lambda _number: None
) -> list[float]:
    """Milliseconds from a push that is recorded to its arrival at /ok."""
    pushed = {}
    for number in range(count):
        began = time.monotonic()
        besides(number)
        pushed[f"{prefix}.{number}"] = running.driver("push", works, f"{prefix}.{number}")
        time.sleep(max(0.5 - (time.monotonic() - began), 0))
    arrived: dict[str, float] = {}
    ends = time.monotonic() + 60
    while len(arrived) < count and time.monotonic() < ends:
        arrived |= {tag: at for path, tag, at in running.receivers.drain() if path == "/ok"}
        time.sleep(0.2)
    if missing := len(pushed) - len(arrived):
        raise SystemExit(f"{missing} deliveries to {OWNER}/works never came.")
    return [(arrived[tag] - at) * 1000 for tag, at in pushed.items()]


SECTIONS: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "push": push,
    "rate": rate,
    "hooks": hooks,
    "hanging": hanging,
}


if __name__ == "__main__":
    main()
