from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from mien.serve.bodies import read_pictures
from mien.serve.errors import ServiceError
from mien.serve.settings import Limits

LIMITS = Limits(bytes=1_000, images=3)
FORM = "multipart/form-data; boundary=mark"


def ask(
    kind: str,
    *chunks: bytes,
    limits: Limits = LIMITS,
    end: Sequence[Message] = (),
    length: str = "",
) -> list[tuple[str, bytes]]:
    """Reads a body that comes in chunks; without ``end`` the last chunk ends it."""
    headers = [(b"content-type", kind.encode("latin-1", "replace"))]
    if length:
        headers.append((b"content-length", length.encode()))
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    messages += end or [{"type": "http.request", "body": b"", "more_body": False}]
    waiting = iter(messages)

    async def receive() -> Message:
        message = next(waiting, None)
        if message is None:
            await asyncio.sleep(60)
            raise AssertionError
        return message

    scope: dict[str, Any] = {"type": "http", "method": "POST", "headers": headers}
    return asyncio.run(read_pictures(Request(scope, receive), limits))


def form(*parts: tuple[bytes, bytes], mark: bytes = b"mark") -> bytes:
    """A form with parts: the rest of their Content-Disposition, and their content."""
    body = b"".join(
        b"--%b\r\nContent-Disposition: form-data%b\r\n\r\n%b\r\n" % (mark, head, data)
        for head, data in parts
    )
    return body + b"--%b--\r\n" % mark


def file(name: bytes, data: bytes = b"abc") -> tuple[bytes, bytes]:
    return b'; name="files"; filename="%b"' % name, data


@pytest.mark.parametrize("kind", ["image/jpeg", "IMAGE/PNG", "application/octet-stream; a=b"])
def test_a_raw_body_is_one_picture(kind: str) -> None:
    assert ask(kind, b"ab", b"cd") == [("image 1", b"abcd")]


def test_a_form_brings_several_with_their_names() -> None:
    body = form(file(b"a.jpg", b"\r\n--mar\0"), file("ü.png".encode(), b"2"), file(b"", b"3"))
    for size in (1, 7, len(body)):
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        assert ask(FORM, *chunks) == [
            ("a.jpg", b"\r\n--mar\0"), ("ü.png", b"2"), ("image 3", b"3"),
        ]  # fmt: skip


def test_a_name_is_cut_and_made_of_whole_letters() -> None:
    long, half = form(file(b"n" * 400)), form(file(b"+2AA-.jpg"))
    assert ask(FORM, long)[0][0] == "n" * 200
    assert ask(f"{FORM}; charset=utf-7", half)[0][0] == "?.jpg"
    assert ask(f"{FORM}; charset=unicode_escape", form(file(rb"\\ud800.jpg")))[0][0] == "?.jpg"


@pytest.mark.parametrize(
    ("kind", "body", "code", "words"),
    [
        ("image/png", b"", "bad_request", "is empty"),
        (FORM, b"", "bad_request", "is empty"),
        ("", b"x", "unsupported_media_type", "'' is not known"),
        ("text/html", b"x", "unsupported_media_type", "'text/html' is not known"),
        ("application/json", b"{}", "unsupported_media_type", "Send the picture itself"),
        ("x" * 90, b"x", "unsupported_media_type", "'" + "x" * 60 + "'"),
        ("multipart/form-data", b"x", "bad_request", "Missing boundary"),
        (FORM, b"no form", "bad_request", "Invalid multipart data"),
        (FORM, form(), "bad_request", "no file"),
        (FORM, form((b'; name="a"', b"field")), "bad_request", "no other fields"),
        (FORM, form((b'; filename="a"', b"x")), "bad_request", "must be provided"),
        (FORM, form(*[file(b"a")] * 4), "too_large", "Send up to 3 files"),
        (FORM, form(file(b"a"))[:-20], "bad_request", ""),
        (f"{FORM}; charset=undefined", form(file(b"a")), "bad_request", "not multipart/form-data"),
    ],
)
def test_what_is_no_picture_is_refused(kind: str, body: bytes, code: str, words: str) -> None:
    with pytest.raises(ServiceError) as refused:
        ask(kind, body)
    assert refused.value.code == code
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("chunks", "length"), [((), "1001"), ((b"x" * 600, b"x" * 401), ""), ((b"x" * 1001,), "5")]
)
def test_a_body_over_the_limit_is_refused_as_soon_as_it_shows(
    chunks: tuple[bytes, ...], length: str
) -> None:
    never: list[Message] = [{"type": "http.request", "body": b"", "more_body": True}]
    with pytest.raises(ServiceError, match="larger than 1,000 bytes") as refused:
        ask("image/png", *chunks, end=never, length=length)
    assert refused.value.headers["Connection"] == "close"


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 30, "٣"])
def test_a_length_that_is_none_is_not_believed(length: str) -> None:
    assert ask("image/png", b"abc", length=length) == [("image 1", b"abc")]


def test_a_body_as_large_as_the_limit_is_read() -> None:
    assert ask("image/png", b"x" * 1000, length="1000") == [("image 1", b"x" * 1000)]


def test_a_body_that_takes_too_long_is_given_up() -> None:
    slow: list[Message] = [{"type": "http.request", "body": b"a", "more_body": True}]
    with pytest.raises(ServiceError, match=r"within 0\.05 seconds") as refused:
        ask("image/png", limits=Limits(seconds=0.05), end=slow)
    assert refused.value.status == 408


def test_a_client_that_leaves_is_told_nothing_worse() -> None:
    with pytest.raises(ServiceError, match="left before"):
        ask("image/png", b"a", end=[{"type": "http.disconnect"}])


def test_nothing_is_written_to_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", refused)
    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    large = bytes(6_000_000)
    limits = Limits(bytes=20_000_000)
    found = ask(FORM, form(file(b"a", large), file(b"b", large)), limits=limits)
    assert [len(data) for _, data in found] == [6_000_000, 6_000_000]
    assert list(tmp_path.iterdir()) == []


KINDS = st.one_of(
    st.sampled_from(["image/png", FORM, "multipart/form-data", "multipart/form-data; boundary="]),
    st.builds(
        "{}; charset={}".format,
        st.just(FORM),
        st.sampled_from(["utf-7", "utf-16", "idna", "undefined", "rot13", "\0", "unicode_escape"]),
    ),
    st.text(st.characters(max_codepoint=255)).map("multipart/form-data; boundary={}".format),
)  # fmt: skip
PARTS = st.sampled_from([
    b"--mark", b"--mark--", b"\r\n", b"\n", b"\r", b":", b"Content-Disposition: form-data",
    b'; name="files"', b'; filename="a"', b"; filename=", b"; filename*=utf-8''%ff", b"\0", b'"',
    b"\xff", b"Content-Type: x", b"Content-Transfer-Encoding: base64", b"\r\n\r\n", b"abc",
])  # fmt: skip
BODIES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.one_of(PARTS, st.binary(max_size=5)), max_size=25).map(b"".join),
    st.builds(
        lambda name, data, at, spoilt: (
            (body := form(file(name, data), file(b"b")))[:at] + spoilt + body[at + 2 :]
        ),
        st.binary(max_size=20), st.binary(max_size=30), st.integers(0, 150), st.binary(max_size=4),
    ),
)  # fmt: skip


@settings(deadline=None)
@given(KINDS, BODIES, st.integers(1, 50))
@example(f"{FORM}; charset=utf-7", form(file(b"+2AA-")), 9)
@example(FORM, form(file(b"a")).replace(b"--mark--", b"--mark\r\n\xff: \r\n"), 50)  # broken late
@example(FORM, form(file(b"a"))[:-12], 50)
def test_any_bytes_are_pictures_or_a_refusal(kind: str, body: bytes, size: int) -> None:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    try:
        pictures = ask(kind, *chunks)
    except ServiceError as error:
        assert error.status in (400, 413, 415)
    else:
        assert 1 <= len(pictures) <= LIMITS.images
        for name, data in pictures:
            assert name.encode()
            assert isinstance(data, bytes)
