"""How much the service takes: saturation, latency, overload, soak, and a worker that is killed.

    python benchmarks/load.py PHOTOS [--seconds 30] [--overload 120] [--soak 1200] [--workers 1]

PHOTOS is a folder of photographs. Starts `mien serve` on loopback and measures, in one run:

1. saturation: pictures a second with as many requests under way as the queue holds half of;
2. in process: what `mien.Predictor` reaches while the same generator sends the same bodies at the
   same rate to an empty route, since client and server share the cores;
3. latency at half of the saturation, requests sent by the clock whatever the answers do;
4. overload: four times the saturation, then how soon half the load is answered well again;
5. soak: half of the saturation for long, the memory's growth from its first to its last quarter;
6. with --workers 2 or more: a worker killed with SIGKILL under half the load.

Prints a table. Reads nothing but PHOTOS and the token that it makes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from mien.core.images import find_images
from mien.predictor import Predictor

EMPTY = """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", lifespan="off")
"""
RECOVERY = 5.0


@dataclass
class Load:
    """What became of some requests."""

    seconds: float = 0.0
    statuses: Counter[int | str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    @property
    def good(self) -> int:
        """How many were answered with predictions."""
        return self.statuses[200]

    def percentile(self, share: int) -> float:
        """Returns a percentile of the good answers' seconds."""
        return statistics.quantiles(self.latencies, n=100)[share - 1] if self.good > 1 else 0.0

    def __str__(self) -> str:
        rest = ", ".join(f"{n:,} x {s}" for s, n in self.statuses.items() if s != 200) or "none"
        return (
            f"{self.good / max(self.seconds, 1e-9):.1f} good answers/s, median "
            f"{1000 * self.percentile(50):.0f} ms, 95th percentile "
            f"{1000 * self.percentile(95):.0f} ms, other answers: {rest}"
        )


class Generator:
    """Sends pictures over kept connections and counts the answers."""

    def __init__(self, port: int, token: str, bodies: list[bytes]) -> None:
        self.port = port
        heads = (
            f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
            for body in bodies
        )
        whole = [head.encode() + body for head, body in zip(heads, bodies, strict=True)]
        self._requests = itertools.cycle(whole)

    async def closed(self, seconds: float, connections: int) -> Load:
        """Keeps so many requests under way all the time."""
        load, end = Load(), time.perf_counter() + seconds

        async def one() -> None:
            async with _Connection(self.port) as connection:
                while time.perf_counter() < end:
                    await connection.ask(next(self._requests), load)

        begun = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(connections)))
        load.seconds = time.perf_counter() - begun
        return load

    async def open(self, seconds: float, rate: float, watched: list[int] | None = None) -> Load:
        """Sends so many requests a second, whatever becomes of them."""
        load, idle = Load(), asyncio.LifoQueue[_Connection]()
        opened: list[_Connection] = []
        tasks: set[asyncio.Task[None]] = set()

        async def one(request: bytes) -> None:
            if idle.empty():
                opened.append(_Connection(self.port))
                idle.put_nowait(opened[-1])
            connection = idle.get_nowait()
            await connection.ask(request, load)
            idle.put_nowait(connection)

        begun = now = time.perf_counter()
        sampled = 0.0
        for number in itertools.count():
            due = begun + number / rate
            if due > begun + seconds:
                break
            while (now := time.perf_counter()) < due:
                await asyncio.sleep(due - now)
            if watched and now - sampled > 1:
                load.memory.append(sum(_resident(pid) for pid in watched))
                sampled = now
            task = asyncio.create_task(one(next(self._requests)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            if number % 20 == 0:
                await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        load.seconds = time.perf_counter() - begun
        for connection in opened:
            connection.close()
        return load


class _Connection:
    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes, load: Load) -> None:
        begun = time.perf_counter()
        try:
            if self._streams is not None and self._streams[0].at_eof():
                self.close()  # the service closed it: nobody had asked on it for seconds
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError) as error:
            load.statuses[type(error).__name__] += 1
            self.close()
            return
        status = int(head[9:12])
        load.statuses[status] += 1
        if status == 200:
            load.latencies.append(time.perf_counter() - begun)
        if b"connection: close" in head:
            self.close()

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


def main() -> None:
    """Reads the command line, runs all measurements, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=200, help="of photographs")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--overload", type=float, default=120)
    parser.add_argument("--soak", type=float, default=1200)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only-soak", type=float, metavar="RATE", help="at so many pictures/s")
    wanted = parser.parse_args()
    paths = sorted(find_images(wanted.photos))[: wanted.count]
    bodies = [path.read_bytes() for path in paths]
    with service(wanted.workers) as (process, port, token):
        generator = Generator(port, token, bodies)
        asyncio.run(generator.closed(3, 16))  # warm
        if wanted.only_soak:
            soak(generator, process, 2 * wanted.only_soak, wanted.soak)
            return
        full = asyncio.run(generator.closed(wanted.seconds, 32))
        rate = full.good / full.seconds
        row("saturation, 32 requests under way", full)
        alone = beside(paths, bodies, wanted.seconds, rate)
        row("in process, beside an empty route", f"{alone:.1f} pictures/s")
        row("the service reaches of that", f"{100 * rate / alone:.0f} %")
        half = asyncio.run(generator.open(wanted.seconds, rate / 2))
        row("latency at half the load", half)
        overload(generator, process, rate, wanted.overload)
        if wanted.workers > 1:
            killed(generator, process, rate)
        soak(generator, process, rate, wanted.soak)


def overload(
    generator: Generator, process: subprocess.Popen[str], rate: float, seconds: float
) -> None:
    """Four times what it can, and how soon it is itself again."""
    much = asyncio.run(generator.open(seconds, 4 * rate, family(process.pid)))
    row("four times the load", much)
    row("its memory, MB: first, highest, last", memory(much))
    for waited in range(int(RECOVERY) + 1):
        after = asyncio.run(generator.open(1, rate / 2))
        if after.good == sum(after.statuses.values()):
            row("all answers good again after", f"{waited} s")
            return
    row("all answers good again after", f"not within {RECOVERY:g} s: {after}")


def killed(generator: Generator, process: subprocess.Popen[str], rate: float) -> None:
    """One worker ends by SIGKILL under half the load."""

    async def both() -> Load:
        task = asyncio.create_task(generator.open(20, rate / 2))
        await asyncio.sleep(5)
        os.kill(workers(process.pid)[0], signal.SIGKILL)
        return await task

    before = set(workers(process.pid))
    row("a worker killed under half the load", asyncio.run(both()))
    row("workers afterwards", f"{len(workers(process.pid))}, {len(before)} before")


def soak(generator: Generator, process: subprocess.Popen[str], rate: float, seconds: float) -> None:
    """Half the load, for long."""
    long = asyncio.run(generator.open(seconds, rate / 2, family(process.pid)))
    row(f"soak of {seconds / 60:.0f} min at {rate / 2:.0f} pictures/s", long)
    quarter = max(1, len(long.memory) // 4)
    first, last = (
        statistics.mean(part) for part in (long.memory[:quarter], long.memory[-quarter:])
    )
    row("its memory, MB: first, highest, last", memory(long))
    row("growth from the first to the last quarter", f"{100 * (last / first - 1):+.2f} %")


@contextlib.contextmanager
def service(workers: int) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """Yields a running service, its port and its token."""
    with tempfile.TemporaryDirectory() as folder:
        token = Path(folder, "token")
        command = [sys.executable, "-m", "mien", "serve", "--purpose", "research", "--port", "0"]
        command += ["--token-file", str(token), "--workers", str(workers), "--rate", "0"]
        log = Path(folder, "log")
        with log.open("w") as file:
            process = subprocess.Popen(command, stderr=file, text=True)
        try:
            while "Page:" not in (text := log.read_text()):
                if process.poll() is not None:
                    raise SystemExit(text)
                time.sleep(0.1)
            port = int(text.partition("Page: http://127.0.0.1:")[2].partition("/")[0])
            yield process, port, token.read_text().strip()
        finally:
            process.terminate()
            process.wait(60)


def beside(paths: list[Path], bodies: list[bytes], seconds: float, rate: float) -> float:
    """Returns pictures a second in process, while the generator is as busy as before."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    empty = subprocess.Popen([sys.executable, "-c", EMPTY, str(port)])
    other = multiprocessing.get_context("spawn").Process(
        target=_knock, args=(port, bodies, seconds + 15, rate), daemon=True
    )
    try:
        time.sleep(2)
        other.start()
        predictor = Predictor()
        predictor.predict(paths[:20])
        begun = time.perf_counter()
        for count, _ in enumerate(predictor.pictures(itertools.cycle(map(str, paths))), 1):
            if time.perf_counter() - begun > seconds:
                return count / (time.perf_counter() - begun)
    finally:
        other.kill()
        empty.terminate()
        empty.wait()
    raise AssertionError("an endless stream ended")


def _knock(port: int, bodies: list[bytes], seconds: float, rate: float) -> None:
    asyncio.run(Generator(port, "", bodies).open(seconds, rate))


def workers(pid: int) -> list[int]:
    """Returns the processes that answer: of several workers the children, else itself."""
    found = [
        child.pid
        for child in psutil.Process(pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    return found or [pid]


def family(pid: int) -> list[int]:
    """Returns a process and its children."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def memory(load: Load) -> str:
    """Returns the first, the highest and the last memory of a load, MB."""
    some = [number / 1e6 for number in load.memory]
    return f"{some[0]:.0f}, {max(some):.0f}, {some[-1]:.0f}" if some else "not sampled"


def row(name: str, value: object) -> None:
    """Prints one line of the table as soon as it is known."""
    print(f"| {name} | {value} |", flush=True)


if __name__ == "__main__":
    main()
