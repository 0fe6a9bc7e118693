import hashlib
import http.server
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mien.core.errors import ChecksumError, DownloadError
from mien.faces import weights

CONTENT = bytes(range(256)) * 200
Serve = Callable[[bytes | None], str]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine of its own: no file, a stub's checksum, an address that nobody serves."""
    for name in ("MIEN_YUNET", "MIEN_OFFLINE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MIEN_YUNET_URL", "http://127.0.0.1:9/gone")
    monkeypatch.setattr(weights, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(weights, "SIZE", len(CONTENT))


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Returns a function that serves a body on loopback; None is a body that breaks off."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(body: bytes | None) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append(self.path)
                whole = CONTENT if body is None else body
                self.send_response(200)
                self.send_header("Content-Length", str(len(whole)))
                self.end_headers()
                self.wfile.write(whole[:20000] if body is None else whole)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        url = f"http://127.0.0.1:{server.server_port}/{weights.NAME}"
        monkeypatch.setenv("MIEN_YUNET_URL", url)
        return url

    requests: list[str] = []
    start.requests = requests  # type: ignore[attr-defined]
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def leftovers() -> list[str]:
    folder = weights.cache_folder()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_right_file_is_fetched_once_and_says_so(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url = serve(CONTENT)
    path = weights.find()
    assert path.read_bytes() == CONTENT
    assert path == weights.cache_folder() / weights.NAME
    assert leftovers() == [weights.NAME]
    said = capsys.readouterr()
    assert url in said.err
    assert not said.out
    assert weights.find() == path
    assert len(serve.requests) == 1  # type: ignore[attr-defined]
    assert not capsys.readouterr().err


def test_another_file_is_refused_and_not_kept(serve: Serve) -> None:
    serve(b"<html>please log in</html>")
    with pytest.raises(ChecksumError, match="expected 51,200 bytes"):
        weights.find()
    assert not leftovers()


def test_a_file_without_end_is_not_read_to_its_end(serve: Serve) -> None:
    serve(CONTENT * 100)
    with pytest.raises(ChecksumError, match="Nothing was kept"):
        weights.find()
    assert not leftovers()


def test_a_connection_that_breaks_off_keeps_nothing(serve: Serve) -> None:
    serve(None)
    with pytest.raises((ChecksumError, DownloadError)):
        weights.find()
    assert not leftovers()


def test_a_server_that_is_gone_is_said_with_what_to_do() -> None:
    with pytest.raises(DownloadError) as caught:
        weights.find()
    said = str(caught.value)
    for part in (weights.NAME, weights.SHA256, weights.URL, str(weights.cache_folder())):
        assert part in said


@pytest.mark.parametrize("url", ["not an address", "ftp://127.0.0.1/x", "http://127.0.0.1:9/\n"])
def test_a_bad_address_is_a_download_error(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MIEN_YUNET_URL", url)
    with pytest.raises(DownloadError):
        weights.find()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_forbids_writing_is_said(serve: Serve, tmp_path: Path) -> None:
    serve(CONTENT)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(DownloadError, match="could not be"):
            weights.find()
    finally:
        tmp_path.chmod(0o700)


def test_a_cache_folder_that_is_a_file_is_said(serve: Serve, tmp_path: Path) -> None:
    serve(CONTENT)
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(DownloadError, match="cache"):
        weights.find()


def test_offline_nothing_is_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(CONTENT)
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    with pytest.raises(DownloadError, match="MIEN_OFFLINE is set") as caught:
        weights.find()
    for part in (weights.NAME, weights.SHA256, weights.URL, str(weights.cache_folder())):
        assert part in str(caught.value)
    assert not serve.requests  # type: ignore[attr-defined]


def test_the_order_is_argument_environment_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cached = weights.cache_folder() / weights.NAME
    cached.parent.mkdir()
    places = [tmp_path / "named.onnx", tmp_path / "environment.onnx", cached]
    for place in places:
        place.write_bytes(CONTENT)
    monkeypatch.setenv("MIEN_YUNET", str(places[1]))
    assert weights.find(places[0]) == places[0]
    assert weights.find() == places[1]
    monkeypatch.delenv("MIEN_YUNET")
    assert weights.find() == places[2]


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"not at .*absent\.onnx"):
        weights.find(tmp_path / "absent.onnx")


def test_a_named_file_must_be_the_one(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(b"other")
    with pytest.raises(ChecksumError) as caught:
        weights.find(other)
    assert hashlib.sha256(b"other").hexdigest() in str(caught.value)
    assert weights.SHA256 in str(caught.value)


def test_a_cached_file_that_changed_is_noticed(serve: Serve) -> None:
    serve(CONTENT)
    path = weights.find()
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ChecksumError, match="Remove it"):
        weights.find()


def test_the_cache_lies_where_the_system_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MIEN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights.cache_folder() == tmp_path / "mien"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights.cache_folder() == tmp_path / ".cache" / "mien"


def test_two_at_once_do_not_meet(serve: Serve) -> None:
    serve(CONTENT)
    with ThreadPoolExecutor(4) as pool:
        found = [future.result() for future in [pool.submit(weights.find) for _ in range(4)]]
    assert {path.read_bytes() for path in found} == {CONTENT}
    assert leftovers() == [weights.NAME]


def test_the_pin_is_the_published_file(
    yunet_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    assert weights.find(yunet_weights) == yunet_weights
    assert yunet_weights.stat().st_size == 232_589
