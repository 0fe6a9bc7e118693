"""The default detector: YuNet where its verified file is there or can be fetched, else HOG."""

from __future__ import annotations

import functools
import sys

from mien.core import registry
from mien.core.errors import ChecksumError, DownloadError
from mien.core.protocols import Detector
from mien.faces import weights


def auto() -> Detector:
    """Returns a new YuNet, or a new HOG detector where YuNet's file cannot be had."""
    detector: Detector = registry.load("detectors", choice())()
    return detector


@functools.lru_cache(maxsize=1)
def choice() -> str:
    """Returns the name of the detector that ``auto`` means here: ``yunet`` or ``hog``.

    YuNet's file is looked for once a process; a line on standard error says when HOG steps in.
    """
    try:
        weights.find()
    except ChecksumError as error:  # somebody's file is not what it says: tell all
        _say(str(error))
    except DownloadError:
        _say("YuNet's weights cannot be had here; '--detector yunet' tells how to get them.")
    else:
        return "yunet"
    return "hog"


def _say(why: str) -> None:
    print(f"mien: using the detector 'hog', which finds fewer faces. {why}", file=sys.stderr)
