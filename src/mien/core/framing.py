"""Whether stored faces were cut as a network expects them."""

from __future__ import annotations

from pathlib import Path

from mien.core.artifact import read_meta
from mien.core.errors import ConfigError, StageError
from mien.core.spec import Preprocess


def check_framing(faces: Path, preprocess: Preprocess) -> None:
    """Checks that stored faces were cut as a network expects them.

    Args:
        faces: the stage folder of `crop`; one from elsewhere, which says nothing, passes.
        preprocess: the network's input.

    Raises:
        ConfigError: another aligner cut them.
    """
    try:
        used = read_meta(faces)["config"].get("aligner", "five-point")
    except StageError:
        return
    if used != preprocess.aligner:
        raise ConfigError(
            f"The faces of {faces} were cut by the aligner {used!r}, the network's preprocessing "
            f"names {preprocess.aligner!r}. Crop again with that aligner, or name the other one."
        )
