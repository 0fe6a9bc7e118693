"""What the service counts, for Prometheus: numbers only, nothing of a picture or an answer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from mien.serve.engine import Answered

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers of one service leave their counts for each other."""
_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_STAGES: Final = ("decode", "detect", "align", "network")


class Metrics:
    """The counts of one worker."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "mien_requests", "Requests by route and status.", ("route", "status"),
            registry=self._registry,
        )  # fmt: skip
        self.latency = Histogram(
            "mien_request_seconds", "From a request's head to the end of its answer.", ("route",),
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._pictures = Counter(
            "mien_pictures", "Pictures by what became of them: answered, or why not.", ("outcome",),
            registry=self._registry,
        )  # fmt: skip
        self._faces = Counter(
            "mien_faces", "Faces by whether the model stands behind its answer.", ("outcome",),
            registry=self._registry,
        )  # fmt: skip
        self._stages = Histogram(
            "mien_stage_seconds", "Time of a picture by stage.", ("stage",),
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._held = Gauge(
            "mien_pictures_held", "Pictures waiting or in work.", registry=self._registry,
            multiprocess_mode="livesum",
        )  # fmt: skip

    def count(self, answered: Sequence[Answered]) -> None:
        """Counts pictures that were answered."""
        for one in answered:
            predictions = one.picture.predictions
            faces = [p for p in predictions if p.face is not None]
            self._pictures.labels("answered" if faces else predictions[0].reason or "none").inc()
            for prediction in faces:
                self._faces.labels(prediction.reason or "answered").inc()
            for stage in _STAGES:
                if stage in one.picture.seconds:
                    self._stages.labels(stage).observe(one.picture.seconds[stage])

    def text(self, held: int) -> bytes:
        """Returns the counts of all workers in Prometheus's text format."""
        self._held.set(held)
        if folder := os.environ.get(FOLDER):
            _forget_the_dead(Path(folder))
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            return generate_latest(registry)
        return generate_latest(self._registry)


def _forget_the_dead(folder: Path) -> None:
    """Drops what workers held that were killed; what they had counted stays."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
