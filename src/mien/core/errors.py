"""Every error that mien raises on purpose.

    MienError
    |-- InputError            what the user handed over cannot be used
    |   |-- ImageError            one picture: unreadable, too large, of a wrong shape
    |   |-- NoImagesError         a folder, pattern or list that holds no picture
    |   `-- VideoError            one video: unreadable, refused, without a picture
    |-- ConfigError           a setting is unknown, of the wrong type or out of range
    |-- UnknownNameError      a registry holds nothing under that name
    |-- MissingExtraError     an optional part of mien is not installed
    |-- DataError             a data set or catalogue breaks its own grammar
    |   `-- LabelError            a class word that no table knows
    |-- ModelError            a model folder is incomplete, altered or of another kind
    |-- DownloadError         a file could not be fetched
    |-- ChecksumError         a file is not the one its checksum names
    |-- StageError            a stage cannot start, resume or finish
    |-- ServiceRefusedError   a service does not take a request
    `-- ServiceUnavailableError  a service is busy or cannot be reached

Each message says what happened, what was expected and how to mend it.
"""

from __future__ import annotations


class MienError(Exception):
    """Base of every error that mien raises on purpose."""


class InputError(MienError, ValueError):
    """What the user handed over cannot be used."""


class ImageError(InputError):
    """One picture is unreadable, too large or of a wrong shape."""


class NoImagesError(InputError):
    """A folder, pattern or list holds no picture."""


class VideoError(InputError):
    """One video is unreadable, refused, or holds no picture."""


class ConfigError(MienError, ValueError):
    """A setting is unknown, of the wrong type or out of range."""


class UnknownNameError(MienError, KeyError):
    """A registry holds nothing under that name."""

    def __str__(self) -> str:  # KeyError would print the repr, quotes and all
        return str(self.args[0]) if self.args else ""


class MissingExtraError(MienError, ImportError):
    """An optional part of mien is not installed.

    Args:
        what: the thing that was asked for, such as ``"writing Parquet"``.
        extra: the name of the extra that brings it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra '{extra}', which is not installed. "
            f"Install it with: pip install 'mien[{extra}]'"
        )
        self.what, self.extra = what, extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        # The default would hand the finished message back as ``what`` when a worker's error
        # travels between processes.
        return type(self), (self.what, self.extra)


class DataError(MienError, ValueError):
    """A data set or a catalogue breaks its own grammar."""


class LabelError(DataError):
    """A class word that no table knows."""


class ModelError(MienError):
    """A model folder is incomplete, altered or of another kind."""


class DownloadError(MienError, OSError):
    """A file could not be fetched."""


class ChecksumError(MienError):
    """A file is not the one its checksum names."""


class StageError(MienError):
    """A stage cannot start, resume or finish."""


class ServiceRefusedError(MienError):
    """A service does not take a request; sent again it would be refused again."""


class ServiceUnavailableError(MienError, OSError):
    """A service is busy or cannot be reached."""
