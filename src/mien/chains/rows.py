"""Predictions as rows: a table to read, CSV, JSON, JSON lines and Parquet, written as they come."""

from __future__ import annotations

import contextlib
import csv
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from mien.core import labels
from mien.core.artifact import atomic
from mien.core.errors import ConfigError, MissingExtraError
from mien.core.quality import NAMES as QUALITIES
from mien.core.types import Prediction

Write = Callable[[Prediction], None]
_PARQUET_CHUNK: Final = 4096
_WIDTHS: Final = (14, 10, 24, 11)


@contextlib.contextmanager
def open_rows(form: str, out: Path | None, top: int = 1) -> Iterator[Write]:
    """Opens a writer of predictions; a file appears under its name only when it is whole.

    Args:
        form: one of `FORMATS`.
        out: the file to write; None means standard output.
        top: how many classes a row of the table names.

    Yields:
        A function that writes one prediction.

    Raises:
        ConfigError: the form is unknown, or Parquet was asked for without a file.
        MissingExtraError: Parquet was asked for and the extra ``data`` is not installed.
    """
    if form not in FORMATS:
        raise ConfigError(f"There is no format {form!r}. Known: {', '.join(FORMATS)}.")
    if form == "parquet":
        if out is None:
            raise ConfigError("Parquet is binary: name a file with --out.")
        with atomic(out) as file, _parquet(file) as write:
            yield write
    elif out is None:
        with FORMATS[form](sys.stdout, top) as write:
            yield write
    else:
        with atomic(out, "w") as file, FORMATS[form](file, top) as write:
            yield write


@contextlib.contextmanager
def _table(file: IO[str], top: int) -> Iterator[Write]:
    begun = False

    def write(prediction: Prediction) -> None:
        nonlocal begun
        if not begun:
            print(_line("expression", "sure", "box", "detector", "picture"), file=file)
            begun = True
        name = f"{prediction.source} #{prediction.index}"
        if prediction.face is None or prediction.expression is None:
            note = f"{name}  {prediction.message}" if prediction.message else name
            print(_line(prediction.reason or "-", "", "", "", note), file=file)
            return
        sure = f"{100 * (prediction.confidence or 0):.1f} %" + ("?" if prediction.abstained else "")
        box = ", ".join(map(str, prediction.face.bbox.rounded()))
        word = labels.titled(prediction.expression)
        print(_line(word, sure, f"({box})", prediction.face.detector, name), file=file)
        if top > 1:
            ranked = (f"{labels.titled(n)} {100 * p:.2f}%" for n, p in prediction.top(top))
            print("  " + "  ".join(ranked), file=file)

    yield write


def _line(*cells: str) -> str:
    padded = (f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=False))
    return "".join(padded) + cells[-1]


@contextlib.contextmanager
def _csv(file: IO[str], top: int) -> Iterator[Write]:
    writer: csv.DictWriter[str] | None = None

    def write(prediction: Prediction) -> None:
        nonlocal writer
        row = prediction.to_dict()
        if writer is None:
            writer = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)

    yield write


@contextlib.contextmanager
def _json_lines(file: IO[str], top: int) -> Iterator[Write]:
    yield lambda prediction: print(_as_json(prediction), file=file)


@contextlib.contextmanager
def _json(file: IO[str], top: int) -> Iterator[Write]:
    begun = False

    def write(prediction: Prediction) -> None:
        nonlocal begun
        print(",\n" if begun else "[\n", _as_json(prediction), sep="", end="", file=file)
        begun = True

    yield write
    print("\n]" if begun else "[]", file=file)


@contextlib.contextmanager
def _parquet(file: IO[bytes]) -> Iterator[Write]:
    try:
        pyarrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise MissingExtraError("Writing Parquet", "data") from None
    schema = pyarrow.schema([(n, getattr(pyarrow, kind)()) for n, kind in _COLUMNS.items()])
    rows: list[dict[str, Any]] = []
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:

        def flush() -> None:
            if rows:
                writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
                rows.clear()

        def write(prediction: Prediction) -> None:
            rows.append(prediction.to_dict())
            if len(rows) >= _PARQUET_CHUNK:
                flush()

        yield write
        flush()


def _as_json(prediction: Prediction) -> str:
    row = prediction.to_dict()
    face = prediction.face
    points = None if face is None or face.landmarks is None else face.landmarks
    row["landmarks"] = (
        None if points is None else [[round(float(v), 2) for v in point] for point in points]
    )
    return json.dumps(row, ensure_ascii=False)


_COLUMNS: Final = {
    "path": "string",
    "index": "int32",
    "expression": "string",
    "code": "int32",
    "confidence": "float32",
    "abstained": "bool_",
    "reason": "string",
    **dict.fromkeys(("x1", "y1", "x2", "y2"), "float32"),
    **dict.fromkeys(labels.CLASSES, "float32"),
    "detector": "string",
    "score": "float32",
    **dict.fromkeys(("yaw", "pitch", "roll", *QUALITIES), "float32"),
    "model": "string",
    "message": "string",
}
FORMATS: Final[dict[str, Any]] = {
    "table": _table,
    "json": _json,
    "jsonl": _json_lines,
    "csv": _csv,
    "parquet": _parquet,
}
"""The forms of output by name."""
