from __future__ import annotations

import hashlib
import hmac
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError
from mien.serve import tokens
from mien.serve.tokens import read_token, same, token_file


def test_the_first_start_makes_a_token_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = token_file(tmp_path / "new" / "folder" / "token")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(read_token(path)) >= 43  # 32 bytes of chance
    assert [one.name for one in path.parent.iterdir()] == ["token"]


def test_the_next_start_keeps_it(tmp_path: Path) -> None:
    token = read_token(token_file(tmp_path / "token"))
    assert read_token(token_file(tmp_path / "token")) == token
    assert read_token(token_file(tmp_path / "other")) != token


def test_without_a_name_it_lies_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    assert token_file().is_relative_to(tmp_path)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o666, 0o620, 0o601])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = token_file(tmp_path / "token")
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"\\({mode:o}\\).*chmod 600"):
        token_file(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"too-short", b"x" * 513, b"two words " * 5, b"x" * 30 + b"\n" + b"y" * 30,
     "ÄÖÜ".encode() * 10, b"\xff\xfe" * 20, b"x" * 30 + b"\0", b"x" * 30 + b"\r\nX-Evil: 1"],
)  # fmt: skip
def test_a_file_that_holds_no_token_is_refused(tmp_path: Path, content: bytes) -> None:
    path = token_file(tmp_path / "token")
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="holds no token.*Delete it"):
        token_file(path)


def test_a_place_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made or read.*--token-file"):
        token_file(tmp_path / "file" / "token")


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from mien.serve.tokens import *;"
        "sys.stdin.read(1); print(read_token(token_file(Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "token")]
    crowd = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for one in crowd:
        assert one.stdin is not None
        one.stdin.write("x")
        one.stdin.flush()
    found = {one.communicate(timeout=60)[0] for one in crowd}
    assert len(found) == 1
    assert found.pop().strip() == read_token(tmp_path / "token")
    assert os.listdir(tmp_path) == ["token"]


def test_whoever_comes_second_keeps_the_first_ones_token(tmp_path: Path) -> None:
    path = token_file(tmp_path / "token")
    token = read_token(path)
    tokens._create(path)
    assert read_token(path) == token


def test_a_file_system_without_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    path = token_file(tmp_path / "token")
    assert read_token(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


TEXT = st.text(st.characters(), max_size=40)


@settings(deadline=None)
@given(TEXT, TEXT)
def test_tokens_are_the_same_or_not(one: str, other: str) -> None:
    assert same(one, one)
    assert same(one, other) == (one == other)


def test_only_hashes_are_compared_and_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: seen.append((a, b)) or compare(a, b))
    assert not same("short", "a much longer token")
    assert seen == [
        (hashlib.sha256(b"short").digest(), hashlib.sha256(b"a much longer token").digest())
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a file over")
@pytest.mark.parametrize(("mode", "owner", "taken"), [
    (0o440, 0, True), (0o400, 0, True), (0o444, 0, False), (0o460, 0, False), (0o440, 1, False),
])  # fmt: skip
def test_what_root_hands_to_a_group_is_taken(
    tmp_path: Path, mode: int, owner: int, taken: bool
) -> None:
    path = token_file(tmp_path / "token")
    os.chown(path, owner, 1)
    path.chmod(mode)
    if taken:
        assert read_token(path)
    else:
        with pytest.raises(ConfigError, match="chmod 600"):
            read_token(path)
