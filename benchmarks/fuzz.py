"""Sends a running service bodies that mean harm, and looks whether it stands.

    python benchmarks/fuzz.py /tmp/d/internet [--bodies 20000] [--threads 4] [--detector auto]

PHOTOS is a folder of real photos; the two demo photographs join them. A service is started in a
process of its own with the shipped model and the limits of its defaults, but for the rate. Each
body comes from its own seed, so that a run repeats, whatever the threads do. In the order of the
table:

- real photos in seven formats, with EXIF, alpha, palettes, 16 bits or frames: bits turned, bytes
  overwritten in the head, runs removed, repeated or swapped, or the end cut off;
- random bytes, bare or behind a format's first bytes;
- bombs: sizes that no memory holds, small files that unpack to much, tags and strips and frames
  without end, and the largest picture that the limits let through;
- other formats, among them those that can start programs or fetch addresses;
- forms and batches that are broken in every place, and honest bodies under a wrong type.

After each body the same thread asks for a good photo on the same connection, and compares the
answer with the one from before the run. The run fails at the first answer of 500, at a request
without an answer, at a good request that is not answered as before, and where the service ends.

Prints a Markdown table: by kind the number of bodies, the answers by status, those of 200 whose
picture could be read, and the longest time to an answer; then the memory of the service (resident,
sampled 50 times a second) before, at its peak and after.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from fuzz_bodies import KINDS, PREDICT, Body, Photos


@dataclass
class Tally:
    """What came of the bodies of one kind."""

    sent: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    readable: int = 0
    slowest: float = 0.0


class Memory(threading.Thread):
    """Samples the resident memory of a process and its children, in MB."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._process, self.over, self.peak = psutil.Process(process), threading.Event(), 0.0

    def now(self) -> float:
        """Returns what they hold now."""
        total = 0
        for one in (self._process, *self._process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += one.memory_info().rss
        return total / 1e6

    def run(self) -> None:
        """Looks until it is told to stop."""
        while not self.over.wait(0.02):
            self.peak = max(self.peak, self.now())


class Fuzz:
    """One run against one service."""

    def __init__(self, link: str, photos: Photos, seed: int) -> None:
        found = re.fullmatch(r"http://([\d.]+):(\d+)/#token=(.+)", link)
        assert found is not None, link
        self._host, self._port, self._token = found[1], int(found[2]), found[3]
        self._photos, self._seed = photos, seed
        self._names, self._weights = list(KINDS), [weight for weight, _ in KINDS.values()]
        self.tallies: dict[str, Tally] = defaultdict(Tally)
        self.faults: list[str] = []
        self.late = 0
        self._lock, self._local = threading.Lock(), threading.local()
        self._good = (PREDICT, "image/png", photos.good)
        _, answer = self._ask(*self._good)
        self._expected = self._shares(answer)

    def run(self, count: int, threads: int) -> None:
        """Sends the bodies."""
        numbers = iter(range(count))

        def work() -> None:
            while not self.faults:
                with self._lock:
                    number = next(numbers, None)
                if number is None:
                    return
                self._one(number)
                if number % 1000 == 0:
                    print(f"{number} of {count}, {time.ctime()}", file=sys.stderr, flush=True)

        crowd = [threading.Thread(target=work) for _ in range(threads)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()

    def _one(self, number: int) -> None:
        dice = random.Random(f"{self._seed}/{number}")  # noqa: S311
        (name,) = dice.choices(self._names, self._weights)
        body = KINDS[name][1](dice, self._photos)
        begun = time.perf_counter()
        status, answer = self._ask(*body)
        seconds = time.perf_counter() - begun
        with self._lock:
            tally = self.tallies[name]
            tally.sent += 1
            tally.statuses[status] += 1
            tally.slowest = max(tally.slowest, seconds)
            if status == "200" and body[0] == PREDICT:
                images = json.loads(answer)["images"]
                tally.readable += any(image["reason"] != "unreadable" for image in images)
        if status in ("500", "none"):
            self._fault(f"body {number} ({name}): {status} {answer[:300]!r}", body)
        status, answer = self._ask(*self._good)
        while status == "503":  # it is full or late, and says so
            self.late += 1
            time.sleep(0.2)
            status, answer = self._ask(*self._good)
        if status != "200" or not np.allclose(self._shares(answer), self._expected, atol=1e-5):
            self._fault(f"after body {number} ({name}) a good request: {status}", body)

    def _ask(self, address: str, kind: str, body: bytes) -> tuple[str, bytes]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        for again in range(2):
            fresh = not hasattr(self._local, "connection")
            if fresh:
                self._local.connection = http.client.HTTPConnection(self._host, self._port, 120)
            connection = self._local.connection
            try:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.request("POST", address, body, headers)  # it may close after 413
                answer = connection.getresponse()
                return str(answer.status), answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                del self._local.connection
                if fresh or again:  # else the idle connection had been closed meanwhile
                    return "none", repr(error).encode()
        return "none", b""

    @staticmethod
    def _shares(answer: bytes) -> list[float]:
        (face,) = json.loads(answer)["images"][0]["faces"]
        return [row["probability"] for row in face["probabilities"]]

    def _fault(self, words: str, body: Body) -> None:
        with self._lock:
            self.faults.append(words)
            Path(tempfile.gettempdir(), "fuzz-fault.bin").write_bytes(body[2])
            print(words, body[1][:200], file=sys.stderr, flush=True)


@contextlib.contextmanager
def service(detector: str, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Starts the service; yields its process and the printed link."""
    command = [sys.executable, "-m", "mien", "serve", "--purpose", "research", "--port", "0"]
    command += [
        "--detector",
        detector,
        "--rate",
        "0",
        "--token-file",
        str(log.with_suffix(".token")),
    ]
    with log.open("wb") as err, subprocess.Popen(command, stderr=err) as process:
        try:
            link = None
            while link is None:
                assert process.poll() is None, log.read_text()
                time.sleep(0.2)
                link = re.search(r"Page: (\S+)", log.read_text())
            yield process, link[1]
        finally:
            process.terminate()


def report(tallies: dict[str, Tally]) -> None:
    """Prints the table."""
    statuses = sorted({status for tally in tallies.values() for status in tally.statuses})
    print("| bodies | sent |", " | ".join(statuses), "| readable | slowest, s |")
    print("|---|---:|" + "---:|" * (len(statuses) + 2))
    whole = Tally()
    for name in KINDS:
        tally = tallies[name]
        _row(name, tally, statuses)
        whole.sent += tally.sent
        whole.statuses += tally.statuses
        whole.readable += tally.readable
        whole.slowest = max(whole.slowest, tally.slowest)
    _row("**all**", whole, statuses)


def _row(name: str, tally: Tally, statuses: list[str]) -> None:
    counts = " | ".join(str(tally.statuses[status]) for status in statuses)
    print(f"| {name} | {tally.sent} | {counts} | {tally.readable} | {tally.slowest:.2f} |")


def main() -> int:
    """Reads the command line, runs, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path, help="a folder of real photos")
    parser.add_argument("--bodies", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    photos = Photos(options.photos)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with service(options.detector, log) as (process, link):
            fuzz = Fuzz(link, photos, options.seed)
            memory = Memory(process.pid)
            before, begun = memory.now(), time.perf_counter()
            memory.start()
            fuzz.run(options.bodies, options.threads)
            seconds = time.perf_counter() - begun
            memory.over.set()
            alive = process.poll() is None
            after = memory.now() if alive else 0.0
        ended = process.returncode
        errors = [line for line in log.read_text().splitlines() if " ERROR " in line]
    report(fuzz.tallies)
    sent = sum(tally.sent for tally in fuzz.tallies.values())
    print(f"\n{sent} bodies and as many good requests in {seconds:.0f} s, seed {options.seed}. ")
    print(f"Memory, MB: {before:.0f} before, {memory.peak:.0f} at its peak, {after:.0f} after. ")
    print(f"Good requests that were answered 503 and asked again: {fuzz.late}. ")
    print(f"Faults: {len(fuzz.faults)}; lines of errors in the log: {len(errors)}; exit {ended}.")
    for line in (*fuzz.faults, *errors[:20]):
        print("-", line)
    return int(bool(fuzz.faults or errors or not alive or ended))


if __name__ == "__main__":
    raise SystemExit(main())
