import contextlib
import hashlib
import http.server
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mien.core.errors import ChecksumError, DownloadError
from mien.core.types import Image
from mien.faces import weights
from mien.faces.yunet import YuNet

CONTENT = bytes(range(256)) * 200
REAL = weights.SHA256, weights.SIZE
PIECE = 4096
FIND = """
import hashlib, sys
from mien.faces import weights
if sys.argv[1:]:
    weights.SHA256, weights.SIZE = sys.argv[1], int(sys.argv[2])
print(weights.find())
"""
"""What another process runs; its arguments are the stub's checksum and size."""


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine of its own: no file, a stub's checksum, an address that nobody serves."""
    for name in ("MIEN_YUNET", "MIEN_OFFLINE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MIEN_YUNET_URL", "http://127.0.0.1:9/gone")
    monkeypatch.setattr(weights, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(weights, "SIZE", len(CONTENT))


class Server:
    """Serves one body on loopback.

    Attributes:
        url: where.
        requests: what was asked for.
    """

    def __init__(self, body: bytes, promised: int | None, half_way: Callable[[], object]) -> None:
        self.requests: list[str] = []
        requests = self.requests

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(promised or len(body)))
                self.end_headers()
                half = len(body) // 2
                with contextlib.suppress(ConnectionError):  # who asked has gone
                    self.wfile.write(body[:half])
                    half_way()
                    for start in range(half, len(body), PIECE):
                        self.wfile.write(body[start : min(start + PIECE, len(body))])

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/{weights.NAME}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


Serve = Callable[..., Server]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Returns a function that serves a body and names the server in ``MIEN_YUNET_URL``.

    ``promised`` is the length that the server announces, where it is not the body's own;
    ``half_way`` is called when half of the body has been sent.
    """
    servers: list[Server] = []

    def start(
        body: bytes, promised: int | None = None, half_way: Callable[[], object] = lambda: None
    ) -> Server:
        server = Server(body, promised, half_way)
        servers.append(server)
        monkeypatch.setenv("MIEN_YUNET_URL", server.url)
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch, yunet_weights: Path) -> bytes:
    """Returns the published file's bytes, and brings its checksum back."""
    monkeypatch.setattr(weights, "SHA256", REAL[0])
    monkeypatch.setattr(weights, "SIZE", REAL[1])
    return yunet_weights.read_bytes()


@pytest.fixture
def another_user() -> Iterator[Callable[[], contextlib.AbstractContextManager[Path]]]:
    """Returns a context in which a folder may be entered and read but not written.

    Root may write anywhere, so the context hands its rights over to nobody's, for its time.
    """
    root = os.geteuid() == 0
    # pytest's own folders are closed to other users.
    folder = Path(tempfile.mkdtemp())

    @contextlib.contextmanager
    def become() -> Iterator[Path]:
        folder.chmod(0o755 if root else 0o555)
        if root:
            try:
                os.seteuid(65534)
            except OSError as error:
                pytest.skip(f"this root may not become another user: {error}")
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)

    yield become
    shutil.rmtree(folder)


def start_process(*, stub: bool, before: str = "") -> "subprocess.Popen[str]":
    """Starts another process that looks for the file, with this one's environment."""
    arguments = [weights.SHA256, str(weights.SIZE)] if stub else []
    command = [sys.executable, "-c", before + FIND, *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path.cwd()
    )


def leftovers() -> list[str]:
    folder = weights.cache_folder()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_right_file_is_fetched_once_and_says_so(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve(CONTENT)
    path = weights.find()
    assert path.read_bytes() == CONTENT
    assert path == weights.cache_folder() / weights.NAME
    assert leftovers() == [weights.NAME]
    said = capsys.readouterr()
    assert server.url in said.err
    assert not said.out
    assert weights.find() == path
    assert len(server.requests) == 1
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


def test_the_published_file_is_fetched_and_finds_a_face(
    serve: Serve, real: bytes, astronaut: Image
) -> None:
    server = serve(real)
    (face,) = YuNet().detect(astronaut)
    assert face.score > 0.8
    assert leftovers() == [weights.NAME]
    YuNet()
    assert len(server.requests) == 1


def test_one_wrong_byte_is_another_file(serve: Serve, real: bytes) -> None:
    serve(real[:-1] + bytes([real[-1] ^ 1]))
    with pytest.raises(ChecksumError, match=f"expected 232,589 bytes with {REAL[0]}"):
        YuNet()
    assert not leftovers()


@pytest.mark.parametrize("promised", [len(CONTENT), 20_000])
def test_a_file_that_breaks_off_is_not_kept(serve: Serve, promised: int) -> None:
    serve(CONTENT[:20_000], promised)
    with pytest.raises(ChecksumError, match=r"gave 20,000 bytes .* expected 51,200 bytes"):
        weights.find()
    assert not leftovers()


def test_a_server_that_falls_silent_is_said(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_TIMEOUT", 0.2)
    over = threading.Event()
    serve(CONTENT, half_way=over.wait)
    try:
        with pytest.raises(DownloadError, match="timed out"):
            weights.find()
    finally:
        over.set()
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


def test_a_folder_that_forbids_writing_is_said(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    another_user: Callable[[], contextlib.AbstractContextManager[Path]],
) -> None:
    server = serve(CONTENT)
    weights.find()  # into a folder of our own: the server works, and all modules are loaded
    with another_user() as folder:
        for cache in (folder, folder / "below"):
            monkeypatch.setenv("MIEN_CACHE", str(cache))
            with pytest.raises(DownloadError, match="Permission denied") as caught:
                weights.find()
            assert f"into {cache}" in str(caught.value)
            assert "MIEN_YUNET" in str(caught.value)
    assert len(server.requests) == 3
    assert not list(folder.iterdir())


def test_a_file_that_may_not_be_read_is_said(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    another_user: Callable[[], contextlib.AbstractContextManager[Path]],
) -> None:
    serve(CONTENT)
    closed = weights.find()
    closed.chmod(0)
    closed.parent.chmod(0)
    weights._digest_at.cache_clear()
    try:
        with another_user() as folder:
            # A folder that may not be entered: nothing is known of what it holds.
            with pytest.raises(DownloadError, match="could not be fetched"):
                weights.find()
            with pytest.raises(DownloadError, match="are not at"):
                weights.find(closed)
        closed.parent.chmod(0o755)
        (folder / weights.NAME).write_bytes(CONTENT)
        (folder / weights.NAME).chmod(0)
        monkeypatch.setenv("MIEN_CACHE", str(folder))
        with (
            another_user(),
            pytest.raises(DownloadError, match=r"cannot be read \(Permission denied\)"),
        ):
            weights.find()
    finally:
        closed.parent.chmod(0o755)


def test_a_user_without_a_home_is_told_what_to_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("MIEN_CACHE")
    monkeypatch.setattr(Path, "home", home)
    with pytest.raises(DownloadError, match=r"no home folder.* MIEN_CACHE.* MIEN_YUNET"):
        weights.find()


def test_a_cache_folder_that_is_a_file_is_said(serve: Serve, tmp_path: Path) -> None:
    serve(CONTENT)
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(DownloadError, match="cache"):
        weights.find()


def test_offline_nothing_is_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(CONTENT)
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    with pytest.raises(DownloadError, match="MIEN_OFFLINE is set") as caught:
        weights.find()
    for part in (weights.NAME, weights.SHA256, weights.URL, str(weights.cache_folder())):
        assert part in str(caught.value)
    assert not server.requests


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


def test_threads_at_once_do_not_meet(serve: Serve) -> None:
    serve(CONTENT)
    with ThreadPoolExecutor(4) as pool:
        found = [future.result() for future in [pool.submit(weights.find) for _ in range(4)]]
    assert {path.read_bytes() for path in found} == {CONTENT}
    assert leftovers() == [weights.NAME]


def two_processes_at_once(serve: Serve, content: bytes, *, stub: bool) -> None:
    both = threading.Barrier(2, timeout=60)  # neither goes on before both are half-way
    server = serve(content, half_way=lambda: (both.wait(), time.sleep(0.05)))
    processes = [start_process(stub=stub) for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert Path(out.strip()).read_bytes() == content
    assert len(server.requests) == 2
    assert leftovers() == [weights.NAME]


def test_two_processes_at_once_both_have_the_whole_file(serve: Serve) -> None:
    two_processes_at_once(serve, CONTENT, stub=True)


def test_two_processes_at_once_both_have_the_published_file(serve: Serve, real: bytes) -> None:
    two_processes_at_once(serve, real, stub=False)


def test_a_process_killed_while_it_fetches_leaves_nothing(serve: Serve) -> None:
    sent, over = threading.Event(), threading.Event()
    serve(CONTENT, half_way=lambda: (sent.set(), over.wait(60)))
    process = start_process(stub=True)
    assert sent.wait(60)
    process.kill()
    process.communicate(timeout=60)
    over.set()
    assert process.returncode == -signal.SIGKILL
    assert not leftovers()
    assert weights.find().read_bytes() == CONTENT
    assert leftovers() == [weights.NAME]


def test_a_process_killed_while_it_writes_leaves_nothing_under_the_name(serve: Serve) -> None:
    serve(CONTENT)
    # It stops when all is written and nothing is in place yet.
    stop = "import os, time; os.fsync = lambda _: (print('here', flush=True), time.sleep(60))\n"
    process = start_process(stub=True, before=stop)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.kill()
    process.communicate(timeout=60)
    (stray,) = leftovers()
    assert stray.startswith(f".{weights.NAME}.")
    assert weights.find().read_bytes() == CONTENT
    assert leftovers() == [stray, weights.NAME]  # it may be another process's, still at work


def test_the_pin_is_the_published_file(
    yunet_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    assert weights.find(yunet_weights) == yunet_weights
    assert yunet_weights.stat().st_size == 232_589
