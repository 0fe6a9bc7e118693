"""Files that are fetched or converted once: where they lie, and whether they may be fetched."""

from __future__ import annotations

import os
from pathlib import Path

from mien.core.errors import DownloadError


def offline() -> bool:
    """Tells whether ``MIEN_OFFLINE`` forbids to fetch anything."""
    return os.environ.get("MIEN_OFFLINE", "") not in ("", "0")


def cache_folder(what: str, otherwise: str) -> Path:
    """Returns the cache folder: ``MIEN_CACHE``, or ``mien`` in the user's cache. It may be absent.

    Args:
        what: what is looked for there, for the error's text.
        otherwise: what else the user can name instead, for the error's text.

    Raises:
        DownloadError: none is named, and the user has no home folder.
    """
    if os.environ.get("MIEN_CACHE"):
        return Path(os.environ["MIEN_CACHE"])
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mien"
    except RuntimeError as error:  # a container's user may be a bare number
        raise DownloadError(
            f"This user has no home folder, so there is no cache folder for {what}. Name one in "
            f"MIEN_CACHE, or {otherwise}."
        ) from error
