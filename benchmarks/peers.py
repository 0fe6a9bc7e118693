"""mien beside what people would pick instead, on the same photos and cores, in one run.

    python benchmarks/peers.py PHOTOS [--count 100] [--rounds 5] [--python fer=/path/to/python]...
        [--labels LEGEND.csv]

Each library runs in a process of its own, with the settings that its own documents recommend, and
in an environment of its own where --python names one: their requirements contradict each other.
All take turns in every round; the median of a library's rounds counts, and ratios are to mien's
median. Loading is timed apart. What cannot run is listed with its reason. With --labels, a table
with the columns ``image`` and ``emotion``, the share of right answers among the seven classes is
told as well, a face that was not found counting as wrong; it decides nothing.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from mien.core.errors import LabelError
from mien.core.images import find_images
from mien.core.labels import parse

TIMEOUT: Final = 1200
HEAD: Final = """
import json, sys, time
paths = json.load(open(sys.argv[1]))
begun = time.perf_counter()
"""
TAIL: Final = """
ready = time.perf_counter() - begun
for path in paths[:3]:
    ask(path)
print(json.dumps({"load": ready}), flush=True)
for line in sys.stdin:
    begun = time.perf_counter()
    found = [ask(path) for path in paths]
    print(json.dumps({"seconds": time.perf_counter() - begun, "found": found}), flush=True)
"""
ASK: Final = {
    "mien": """
import mien
predictor = mien.Predictor(faces="largest")
version = mien.__version__
def ask(path):
    return predictor.predict(path)[0].expression
""",
    "mien, all at once": """
import mien
predictor = mien.Predictor(faces="largest")
version = mien.__version__
def ask(path):
    return None
""",
    "fer": """
import cv2
from importlib.metadata import version as of
from fer.fer import FER
version = of("fer")
detector = FER(mtcnn=False)
def ask(path):
    found = detector.detect_emotions(cv2.imread(path))
    best = max(found, key=lambda f: f["box"][2] * f["box"][3], default=None)
    return best and max(best["emotions"], key=best["emotions"].get)
""",
    "deepface": """
from importlib.metadata import version as of
from deepface import DeepFace
version = of("deepface")
def ask(path):
    found = DeepFace.analyze(path, actions=["emotion"], enforce_detection=False, silent=True)
    return found[0]["dominant_emotion"]
""",
    "emotiefflib": """
import cv2
from importlib.metadata import version as of
from emotiefflib.facial_analysis import EmotiEffLibRecognizer, get_model_list
version = of("emotiefflib")
recognizer = EmotiEffLibRecognizer(engine="onnx", model_name=get_model_list()[0], device="cpu")
def ask(path):
    image = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
    return recognizer.predict_emotions(image, logits=False)[0][0]
""",
    "hsemotion-onnx": """
import cv2
from importlib.metadata import version as of
from hsemotion_onnx.facial_emotions import HSEmotionRecognizer
version = of("hsemotion-onnx")
recognizer = HSEmotionRecognizer(model_name="enet_b0_8_best_vgaf")
def ask(path):
    image = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
    return recognizer.predict_emotions(image, logits=False)[0]
""",
    "py-feat": """
from importlib.metadata import version as of
from feat import Detector
version = of("py-feat")
detector = Detector(device="cpu")
def ask(path):
    found = detector.detect(path, data_type="image", progress_bar=False)
    return found.emotions.iloc[0].idxmax() if len(found) else None
""",
}
"""How each is asked for the expression of the largest face of a file."""
ALL_AT_ONCE: Final = TAIL.replace(
    "[ask(path) for path in paths]", "[p.expression for p in predictor.predict(paths)]"
)


class Peer:
    """A library in a process of its own."""

    def __init__(self, name: str, python: str, paths: Path) -> None:
        self.name, self.rounds, self.found = name, [], []  # type: ignore[var-annotated]
        tail = ALL_AT_ONCE if name.endswith("at once") else TAIL
        tail = tail.replace('{"load": ready}', '{"load": ready, "version": version}')
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # it goes with the process
        self._process = subprocess.Popen(
            [python, "-c", HEAD + ASK[name] + tail, str(paths)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
        )  # fmt: skip
        self.told = self._answer()

    def round(self) -> None:
        """Asks for all photos once."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        told = self._answer()
        self.rounds.append(told["seconds"])
        self.found = told["found"]

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:  # some print words of their own
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        self._process.wait(TIMEOUT)
        self._log.seek(0)
        words = self._log.read().strip().splitlines() or ["it ended without a word"]
        raise RuntimeError(words[-1][:200])


def main() -> None:
    """Reads the command line, starts what can start, takes turns, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("--labels", type=Path)
    wanted = parser.parse_args()
    pythons = dict(one.split("=", 1) for one in wanted.python)
    paths = [str(path) for path in sorted(find_images(wanted.photos))[: wanted.count]]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as listing:
        json.dump(paths, listing)
        listing.flush()
        peers, missing = [], {}
        for name in ASK:
            try:
                peers.append(Peer(name, pythons.get(name, sys.executable), Path(listing.name)))
            except (RuntimeError, OSError) as error:
                missing[name] = str(error)
        for _ in range(wanted.rounds):
            for peer in peers:
                peer.round()
        for peer in peers:
            peer.close()
    print(_table(peers, missing, paths, labels_of(wanted.labels) if wanted.labels else {}))


def labels_of(legend: Path) -> dict[str, str]:
    """Returns the class of each photo that a legend gives one of the seven."""
    found = {}
    with legend.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                found[row["image"]] = parse(row["emotion"])
            except LabelError:
                continue
    return found


def _table(
    peers: list[Peer], missing: dict[str, str], paths: list[str], labels: dict[str, str]
) -> str:
    base = statistics.median(peers[0].rounds)
    lines = [
        f"{len(paths)} photos, one process each, rounds in turn; medians",
        "",
        "| library | version | loading, s | ms a photo | times mien's | faces | right |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for peer in peers:
        median = statistics.median(peer.rounds)
        lines.append(
            f"| {peer.name} | {peer.told['version']} | {peer.told['load']:.2f} | "
            f"{1000 * median / len(paths):.1f} | {median / base:.2f} | "
            f"{sum(f is not None for f in peer.found)} | {_right(peer, paths, labels)} |"
        )
    lines += [f"| {name} | | cannot run: {why} | | | | |" for name, why in missing.items()]
    return "\n".join(lines)


def _right(peer: Peer, paths: list[str], labels: dict[str, str]) -> str:
    pairs = [
        (_class(found), labels[Path(path).name])
        for path, found in zip(paths, peer.found, strict=True)
        if Path(path).name in labels
    ]
    return f"{100 * sum(a == b for a, b in pairs) / len(pairs):.1f} %" if pairs else "-"


def _class(word: str | None) -> str | None:
    try:
        return None if word is None else parse(word)
    except LabelError:
        return word


if __name__ == "__main__":
    main()
