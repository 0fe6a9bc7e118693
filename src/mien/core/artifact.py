"""Stage folders: each says in ``meta.json`` what made it, and appears whole or not at all.

A stage writes into ``<out>.partial`` and renames it at the end. The same stage with the same
settings and inputs finds its finished folder (`StageFolder.done`) or its unfinished one and goes
on from there; other settings never overwrite either unless they are told to.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import IO, Any, Final

from pydantic import BaseModel

from mien.core.errors import StageError

META: Final = "meta.json"
_REQUEST: Final = "request.json"
_ASIDE: Final = ("sources.json", "*.png", "*.html")
"""Files that say where things stand on this machine, and pages and pictures to look at, which
depend on what draws them: a result has the same digest anywhere."""
_PACKAGES: Final = "mien numpy opencv-python-headless dlib-bin onnxruntime polars torch".split()


class StageFolder:
    """The folder that one run of a stage fills.

    Args:
        out: where the finished folder shall stand.
        stage: the stage's name.
        config: its settings.
        inputs: the files and folders that it reads, by name.
        overwrite: replace, at the end, a folder that stands there with other settings or inputs.

    Attributes:
        done: True where ``out`` already holds this very result.
        work: where the stage writes until `finish`; it may hold what an earlier, unfinished run
            of the same request left.

    Raises:
        StageError: ``out`` or its partial folder was made with other settings or inputs.
    """

    def __init__(
        self,
        out: Path,
        stage: str,
        config: BaseModel,
        inputs: Mapping[str, Path],
        *,
        overwrite: bool = False,
    ) -> None:
        self.out = out
        self.work = out.with_name(out.name + ".partial")
        self.request: dict[str, Any] = {
            "stage": stage,
            "config": config.model_dump(mode="json"),
            "inputs": {name: digest(path) for name, path in inputs.items()},
        }
        self.done = False
        if out.exists():
            self.done = self._agrees(out, META, overwrite)
        if not self.done:
            if self.work.exists():
                self._agrees(self.work, _REQUEST, overwrite)
            self.work.mkdir(parents=True, exist_ok=True)
            write_json(self.work / _REQUEST, self.request)

    def finish(self, counts: Mapping[str, Any]) -> Path:
        """Writes ``meta.json`` and moves the folder to its place.

        Args:
            counts: what went in, what came out, what was rejected and why.

        Returns:
            The finished folder.
        """
        for stray in self.work.rglob(".*"):  # what `atomic` leaves where a run was killed
            stray.unlink()
        files = {
            str(path.relative_to(self.work)): digest(path)
            for path in sorted(self.work.rglob("*"))
            if path.is_file() and path.name != _REQUEST
        }
        counted = {
            name: value
            for name, value in files.items()
            if not any(fnmatch.fnmatch(name, aside) for aside in _ASIDE)
        }
        content = hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()
        meta = {
            **self.request,
            "digest": content,
            "seed": self.request["config"].get("seed"),
            "counts": dict(counts),
            "versions": versions(),
            "files": files,
        }
        write_json(self.work / META, meta)
        (self.work / _REQUEST).unlink()
        if self.out.exists():
            shutil.rmtree(self.out)
        self.work.rename(self.out)
        return self.out

    def _agrees(self, folder: Path, name: str, overwrite: bool) -> bool:
        try:
            found = json.loads((folder / name).read_bytes())
        except (OSError, ValueError):
            found = None
        if found is not None and all(found.get(k) == v for k, v in self.request.items()):
            return True
        if not overwrite:
            changed = "nothing that mien can read" if found is None else self._changes(found)
            raise StageError(
                f"{folder} is there already, and does not fit this run of "
                f"'{self.request['stage']}' ({changed}). Choose another place, remove it, or "
                "pass --overwrite."
            )
        if folder == self.work:  # a finished folder stays until the new one is whole
            shutil.rmtree(folder)
        return False

    def _changes(self, found: Mapping[str, Any]) -> str:
        names = []
        for part in ("config", "inputs"):
            old, new = found.get(part, {}), self.request[part]
            names += [f"{part}.{k}" for k in sorted({*old, *new}) if old.get(k) != new.get(k)]
        return "it differs in " + ", ".join(names or ["stage"])


def read_meta(folder: Path) -> dict[str, Any]:
    """Returns the ``meta.json`` of a finished stage folder.

    Raises:
        StageError: the folder holds none: it is missing, unfinished, or no stage's.
    """
    try:
        meta: dict[str, Any] = json.loads((folder / META).read_bytes())
    except (OSError, ValueError) as error:
        raise StageError(
            f"{folder} is not a finished stage folder: its {META} cannot be read. "
            "Run the stage that makes it first."
        ) from error
    return meta


def digest(path: Path) -> str:
    """Returns the sha256 of what stands at a path.

    A file counts by its bytes, a stage's folder by its content digest, any other folder by the
    names and sizes of its files.

    Raises:
        StageError: nothing stands there.
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if not path.is_dir():
        raise StageError(f"{path} is missing. Check the path, or run the stage that makes it.")
    if (path / META).is_file():
        return str(read_meta(path).get("digest"))
    listing = hashlib.sha256()
    for file_path in sorted(path.rglob("*")):
        if file_path.is_file():
            size = file_path.stat().st_size
            listing.update(f"{file_path.relative_to(path)}\0{size}\n".encode())
    return listing.hexdigest()


@contextlib.contextmanager
def atomic(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Opens a temporary file beside ``path`` and renames it onto ``path`` at a clean end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = None if "b" in mode else "utf-8"
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, mode, encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())  # mkstemp makes files private, results are not
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Writes readable JSON, atomically."""
    with atomic(path, "w") as file:
        json.dump(value, file, indent=2, ensure_ascii=False, sort_keys=True)
        file.write("\n")


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that shape results, where installed."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
