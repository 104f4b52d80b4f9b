"""python -m deploy.embedded: what bin/run becomes once the virtual environment is there."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from deploy.embedded import config, processes
from deploy.embedded.address import check_free, read_address
from deploy.embedded.data import open_data
from deploy.embedded.errors import StartError
from deploy.embedded.packages import find_tools, version_of
from deploy.embedded.product import Product, bring_up, describe, fill_in
from deploy.embedded.supervisor import Supervisor, emit


def main() -> None:
    options = _options()
    # The data folder holds keys; nothing that is written from here on is for other users of the machine.
    os.umask(0o077)
    try:
        sys.exit(_run(options))
    except StartError as error:
        sys.exit(f"moorage: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/run", description="Start the whole of Moorage on this machine.")
    parser.add_argument("--port", type=_port, help="port of the one address (default: 8000)")
    parser.add_argument("--data", default=str(config.ROOT / "data"), help="folder for everything that is kept")
    parser.add_argument("--public-url", help="address for others, such as https://hub.example.org (default: localhost)")
    parser.add_argument("--cert", help="certificate chain of the public address, PEM (default: fetched by ACME)")
    parser.add_argument("--key", help="private key of the certificate, PEM")
    parser.add_argument("--demo", action="store_true", help="fill in people and small images when it is ready")
    return parser.parse_args()


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: give a number from 1 to 65535")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    address = read_address(options.public_url, options.port, options.cert, options.key)
    if options.demo and address.by_acme:
        raise StartError("--demo pushes through the door: use it with localhost, or give --cert and --key")
    data, _lock = open_data(Path(options.data).resolve())
    for name in processes.clear_leftovers(data.path("run", "processes.json")):
        print(f"moorage: ended {name}, left behind by a start that was killed", flush=True)
    check_free(address)
    tools = find_tools(config.ROOT / ".tools")
    answer = version_of(tools.registry, "--version", environment=tools.environment())
    version = config.registry_command(tools, answer)
    product = Product(data, address, config.choose_ports(), tools, version)
    if sys.version_info < (3, 12):
        # As later versions do by themselves: no thread for each child, so that nothing but us forks.
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    return asyncio.run(_supervise(product, demo=options.demo))


async def _supervise(product: Product, *, demo: bool) -> int:
    """Runs until a signal comes; the exit status. Raises StartError when the start fails, with nothing left running."""
    stop, at_once = asyncio.Event(), asyncio.Event()

    def ask_to_stop() -> None:
        if stop.is_set():
            at_once.set()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup the end of the terminal is not the end of the product.
        if signal.getsignal(number) != signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, ask_to_stop)
    supervisor = Supervisor(product.data.path("run", "processes.json"))
    work = asyncio.create_task(_start(product, supervisor, demo=demo))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if work.done():
            work.result()
            await stopped
        supervisor.say("stopping")
    finally:
        await supervisor.stop(at_once=at_once)
        work.cancel()
    return 0


async def _start(product: Product, supervisor: Supervisor, *, demo: bool) -> None:
    superuser = await bring_up(product, supervisor)
    people = await fill_in(product, supervisor) if demo else None
    emit(f"\n{describe(product, superuser, people)}\n")


if __name__ == "__main__":
    main()
