"""The token: created at the first start, kept in a file that only its owner may read."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Final

from mien.core.cache import cache_folder
from mien.core.errors import ConfigError

_TOKEN: Final = re.compile(r"[A-Za-z0-9_.~+/=-]{20,512}")


def token_file(path: Path | None = None) -> Path:
    """Returns the file of the token, made with a new one where it is missing.

    Args:
        path: the file; None takes ``serve-token`` in mien's cache folder.

    Raises:
        ConfigError: the file cannot be read or written, or others may read it.
        DownloadError: this user has no home folder, and no file was named.
    """
    path = path or cache_folder("the token", "name a file: --token-file") / "serve-token"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _create(path)
        read_token(path)
    except OSError as error:
        raise ConfigError(
            f"The token's file {path} cannot be made or read ({error.strerror}). Name another "
            "with --token-file."
        ) from error
    return path


def read_token(path: Path) -> str:
    """Returns the token in a file.

    Nobody but its owner may read it, or it is root's, nobody may write it, and its group may read
    it: so Kubernetes and systemd hand secrets to a user.

    Raises:
        ConfigError: it is too short or holds other signs than a header may, or others may read it.
        OSError: the file cannot be read.
    """
    info = path.stat()
    mode = info.st_mode
    handed = info.st_uid == 0 and not mode & 0o337
    if os.name == "posix" and mode & 0o077 and not handed:
        raise ConfigError(
            f"{path} may be read by others than its owner ({mode & 0o777:o}). "
            f"Close it: chmod 600 {path}"
        )
    token = path.read_bytes().decode("ascii", "replace").strip()
    if not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"{path} holds no token: expected 20 to 512 letters, digits and -_.~+/= in one line. "
            "Delete it, and a new one is made."
        )
    return token


def same(given: str, token: str) -> bool:
    """Tells whether two tokens are the same, in a time that does not depend on where they differ.

    Both are hashed first, so that not even the length shows.
    """
    one, two = (hashlib.sha256(t.encode("utf-8", "surrogatepass")).digest() for t in (given, token))
    return hmac.compare_digest(one, two)


def _create(path: Path) -> None:
    """Writes a new token under a temporary name; of several that do so at once, one wins."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".serve-token-")  # mode 600
    try:
        with os.fdopen(number, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        try:
            os.link(name, path)  # fails where it exists, where a rename would replace it
        except FileExistsError:
            return
        except OSError:  # a file system without links
            os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
