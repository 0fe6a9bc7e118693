"""Stage folders: whole or not at all, told apart by settings and inputs, and resumable."""

import json
import stat
from pathlib import Path

import pytest

from mien.core.artifact import META, StageFolder, atomic, digest, read_meta
from mien.core.config import StageConfig
from mien.core.errors import StageError


class Settings(StageConfig):
    rate: float = 0.1
    seed: int = 4


def _finished(out: Path, settings: Settings | None = None, text: str = "x") -> Path:
    folder = StageFolder(out, "demo", settings or Settings(), {})
    (folder.work / "a.txt").write_text(text)
    return folder.finish({"input": 1})


def test_a_folder_appears_at_finish_only(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    folder = StageFolder(out, "demo", Settings(), {})
    (folder.work / "a.txt").write_text("x")
    assert not out.exists()
    folder.finish({"input": 1})
    assert not folder.work.exists()
    assert (out / "a.txt").read_text() == "x"


def test_meta_says_what_made_it(tmp_path: Path) -> None:
    meta = read_meta(_finished(tmp_path / "out"))
    assert meta["stage"] == "demo"
    assert meta["config"] == {"rate": 0.1, "seed": 4}
    assert meta["seed"] == 4
    assert meta["counts"] == {"input": 1}
    assert meta["files"] == {"a.txt": digest(tmp_path / "out" / "a.txt")}
    assert meta["versions"]["python"]


def test_the_same_request_is_done(tmp_path: Path) -> None:
    _finished(tmp_path / "out")
    assert StageFolder(tmp_path / "out", "demo", Settings(), {}).done


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    _finished(tmp_path / "out")
    with pytest.raises(StageError, match=r"config\.rate.*--overwrite"):
        StageFolder(tmp_path / "out", "demo", Settings(rate=0.2), {})


def test_other_inputs_are_refused_by_name(tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("1")
    StageFolder(tmp_path / "out", "demo", Settings(), {"source": source}).finish({})
    source.write_text("2")
    with pytest.raises(StageError, match=r"inputs\.source"):
        StageFolder(tmp_path / "out", "demo", Settings(), {"source": source})


def test_overwrite_replaces(tmp_path: Path) -> None:
    _finished(tmp_path / "out")
    folder = StageFolder(tmp_path / "out", "demo", Settings(rate=0.2), {}, overwrite=True)
    assert not folder.done
    assert read_meta(tmp_path / "out")["config"]["rate"] != 0.2  # the old one stays till the end
    folder.finish({})
    assert read_meta(tmp_path / "out")["config"]["rate"] == 0.2


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("dear")
    with pytest.raises(StageError, match="nothing that mien can read"):
        StageFolder(tmp_path / "out", "demo", Settings(), {})
    assert (tmp_path / "out" / "mine.txt").read_text() == "dear"


def test_unfinished_work_is_kept_for_the_same_request_only(tmp_path: Path) -> None:
    first = StageFolder(tmp_path / "out", "demo", Settings(), {})
    (first.work / "half.txt").write_text("1")
    assert (StageFolder(tmp_path / "out", "demo", Settings(), {}).work / "half.txt").exists()
    with pytest.raises(StageError, match=r"config\.rate"):
        StageFolder(tmp_path / "out", "demo", Settings(rate=1), {})
    other = StageFolder(tmp_path / "out", "demo", Settings(rate=1), {}, overwrite=True)
    assert not (other.work / "half.txt").exists()


def test_the_digest_depends_on_content_alone(tmp_path: Path) -> None:
    a = digest(_finished(tmp_path / "a"))
    assert digest(_finished(tmp_path / "b")) == a
    assert digest(_finished(tmp_path / "c", text="y")) != a


@pytest.mark.parametrize("aside", ["sources.json", "table.png", "audit.html"])
def test_the_digest_leaves_out_places_and_pictures(tmp_path: Path, aside: str) -> None:
    found = set()
    for name in ("a", "b"):
        folder = StageFolder(tmp_path / name, "demo", Settings(), {})
        (folder.work / aside).write_text(name)
        found.add(digest(folder.finish({})))
    assert len(found) == 1


def test_leftovers_of_a_killed_write_are_thrown_away(tmp_path: Path) -> None:
    folder = StageFolder(tmp_path / "out", "demo", Settings(), {})
    (folder.work / "part").mkdir()
    (folder.work / "part" / ".a.parquet.x1").write_text("half")
    folder.finish({})
    assert read_meta(tmp_path / "out")["files"] == {}
    assert not list((tmp_path / "out").rglob(".*"))


def test_digest_of_a_plain_folder_sees_names_and_sizes(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a").write_text("1")
    first = digest(tmp_path / "f")
    (tmp_path / "f" / "b").write_text("")
    assert digest(tmp_path / "f") != first


def test_digest_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="missing"):
        digest(tmp_path / "none")


def test_read_meta_refuses_an_unfinished_folder(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="not a finished stage folder"):
        read_meta(tmp_path)


def test_atomic_leaves_the_old_file_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic(path, "w") as file:
            file.write("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.txt"]


def test_atomic_files_have_ordinary_permissions(tmp_path: Path) -> None:
    with atomic(tmp_path / "a") as file:
        file.write(b"1")
    (tmp_path / "b").write_bytes(b"1")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "b").stat().st_mode
    )


def test_meta_is_plain_json(tmp_path: Path) -> None:
    assert json.loads((_finished(tmp_path / "out") / META).read_text())["stage"] == "demo"
