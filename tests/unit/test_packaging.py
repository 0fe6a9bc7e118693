"""What a user installs: small, complete, pinned, and from nowhere in particular."""

import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path

import pytest

import mien

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
EXTRAS = {
    "all", "audit", "data", "demo", "explain", "openvino", "ray", "report", "serve", "train",
    "video",
}  # fmt: skip
NEVER_IN_BASE = {"torch", "polars", "pyarrow", "matplotlib", "scipy", "scikit-learn", "fastapi"}
_PIN = re.compile(r"^([a-z0-9.-]+)(?:\[[a-z0-9,-]+\])?==(\S+)", re.MULTILINE)


def _pins(path: Path) -> list[tuple[str, str]]:
    return _PIN.findall(path.read_text("utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_all_of_mien_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    source = ROOT / "src"
    here = {
        path.relative_to(source).as_posix()
        for path in (source / "mien").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == here
    assert "mien/py.typed" in shipped


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    info = f"mien-{mien.__version__}.dist-info"
    head = HeaderParser().parsestr(wheel.read(f"{info}/METADATA").decode())
    assert head["Name"] == "mien"
    assert head["Version"] == mien.__version__
    assert head["License-Expression"] == "Apache-2.0"
    assert set(head.get_all("Provides-Extra")) == EXTRAS
    assert wheel.read(f"{info}/entry_points.txt").decode().split() == [
        "[console_scripts]",
        "mien",
        "=",
        "mien.cli:main",
    ]
    assert f"{info}/licenses/LICENSE" in wheel.namelist()


def test_the_assets_take_at_most_16_mb() -> None:
    files = [path for path in (ROOT / "src/mien/assets").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 16e6


def test_the_installed_version_is_the_one_in_the_source() -> None:
    assert metadata.version("mien") == mien.__version__


def test_the_base_install_is_small_and_needs_no_heavy_library() -> None:
    names = [name for name, _ in _pins(ROOT / "requirements/base.txt")]
    assert not NEVER_IN_BASE & set(names)
    size = 0
    for name in {*names} - {"colorama"}:  # Windows only
        files = [file.locate() for file in metadata.files(name) or []]
        size += sum(Path(file).stat().st_size for file in files if Path(file).is_file())
    assert 100e6 < size < 450e6


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.stem)
def test_requirements_are_pinned_hashed_and_name_no_place(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(
        r"://|--(extra-)?index|--find-links|--trusted-host|(^|[\s\"'=])/", text, re.MULTILINE
    )
    entries = re.split(r"\n(?=\S)", text.strip())
    entries = [entry for entry in entries if not entry.startswith("#")]
    assert entries
    for entry in entries:
        assert _PIN.match(entry), entry
        assert "--hash=sha256:" in entry, entry


def test_one_version_of_a_package_stands_everywhere() -> None:
    every = set(_pins(ROOT / "requirements/all.txt"))
    for path in REQUIREMENTS:
        assert path.stem == "uv" or set(_pins(path)) <= every, path.name


def test_every_extra_that_an_error_names_exists() -> None:
    named = {
        extra
        for path in (ROOT / "src").rglob("*.py")
        for extra in re.findall(
            r'MissingExtraError\([^()]*(?:\([^()]*\)[^()]*)*"(\w+)"\)', path.read_text()
        )
    }
    assert named <= EXTRAS
    assert set(PROJECT["optional-dependencies"]) == EXTRAS
