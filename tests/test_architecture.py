"""The house stays as it was drawn: rooms, sizes, doors, and what opening one costs.

Which room may import which stands in pyproject.toml (import-linter); `make check` runs it.
"""

import ast
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.core.images import encode_png

SOURCE = Path(mien.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))
NAMES = [path.relative_to(SOURCE).as_posix() for path in MODULES]

MAX_MODULE = 300
MAX_FUNCTION = 60
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}

_TORCH = ("models/", "runtimes/torch.py", "stages/train.py", "stages/export.py")
HOMES = {
    "torch": _TORCH,
    "torchvision": _TORCH,
    "timm": _TORCH,
    "lightning": _TORCH,
    "safetensors": _TORCH,
    "tensorboard": _TORCH,
    "onnxruntime": ("runtimes/", "stages/export.py", "faces/yunet.py"),
    "av": ("core/video",),
    "dlib": ("faces/", "stages/landmarks.py"),
    "matplotlib": ("plots/",),
    "typer": ("cli/",),
    "fastapi": ("serve/",),
    "uvicorn": ("serve/",),
    "ray": ("engines/ray.py", "serve/ray.py"),
    "pickle": (),
    "cPickle": (),
    "dill": (),
    "joblib": (),
    "marshal": (),
    "shelve": (),
}
"""Where a library may be imported at all; libraries that are not named may be anywhere."""

PUBLIC = [
    "CLASSES",
    "BBox",
    "Client",
    "Event",
    "Face",
    "MienError",
    "Model",
    "Prediction",
    "Predictor",
    "Timeline",
    "__version__",
    "predict",
    "register",
    "stream",
    "track",
]
"""What users build on: a name may join, but none leaves or changes before 2.0."""


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "import_module"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Returns how long a function is without its docstring, which may take what it needs."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) and first.end_lineno is not None:
        lines -= first.end_lineno - first.lineno + 1
    return lines


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_module_is_read_in_one_sitting(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MAX_MODULE
    lengths = {
        node.name: _lines(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    too_long = {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION}
    assert not too_long, f"functions over {MAX_FUNCTION} lines"


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_name_says_what_is_inside(path: Path) -> None:
    assert not VAGUE & {
        part.lower().strip("_") for part in path.relative_to(SOURCE).with_suffix("").parts
    }


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_library_stays_in_its_room(path: Path) -> None:
    name = path.relative_to(SOURCE).as_posix()
    astray = {
        library
        for library in (
            module.partition(".")[0] for module in _imports(ast.parse(path.read_text()))
        )
        if library in HOMES and not name.startswith(HOMES[library])
    }
    assert not astray, f"{name} imports {astray}; see HOMES for their rooms"


def test_every_room_is_a_package() -> None:
    folders = {path.parent for path in MODULES}
    assert all((folder / "__init__.py").is_file() for folder in folders)


def test_the_public_names_are_these() -> None:
    assert sorted(mien.__all__) == sorted(PUBLIC)
    assert all(getattr(mien, name) is not None for name in PUBLIC)
    assert set(PUBLIC) <= set(dir(mien))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'predikt'"):
        mien.predikt  # noqa: B018  # the access is the test


# What opening a door costs, each in a process of its own, where nothing is loaded yet; counted in
# seconds of the processor, which a busy machine does not stretch as it does those of the clock.


def _environment() -> dict[str, str]:
    # Measuring coverage, or compiling every module anew, takes longer than what is measured here.
    slow = ("COVERAGE", "COV_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(slow)}


def _python(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_mien_takes_less_than_150_ms() -> None:
    code = "import time; t = time.process_time(); import mien; print(time.process_time() - t)"
    assert min(float(_python(code)) for _ in range(5)) < 0.15


def test_help_takes_less_than_half_a_second() -> None:
    command = [str(Path(sys.executable).with_name("mien")), "--help"]
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, env=_environment(), capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0, done.stderr
        assert "predict" in done.stdout
    assert min(seconds) < 0.5


def test_predicting_loads_neither_torch_nor_matplotlib_nor_typer(tmp_path: Path) -> None:
    pixels = tmp_path / "grey.npy"
    np.save(pixels, np.full((120, 100, 3), 128, np.uint8))
    code = (
        "import sys, numpy, mien\n"
        "found = list(mien.predict(numpy.load(sys.argv[1]), detector='full-frame'))\n"
        "assert len(found) == 1 and found[0].probabilities.shape == (7,), found\n"
        "heavy = 'torch matplotlib typer polars pyarrow sklearn scipy pandas fastapi ray'.split()\n"
        "print(*[name for name in heavy if name in sys.modules])\n"
    )
    assert _python(code, str(pixels)) == ""


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_predicting_tells_nobody(tmp_path: Path, runtime: str) -> None:
    """Both runtimes' telemetry starts when they are imported, and leaves files of its own."""
    if runtime == "openvino":
        pytest.importorskip("openvino")
    picture = tmp_path / "grey.png"
    picture.write_bytes(encode_png(np.full((64, 64, 3), 90, np.uint8)))
    call = (
        f"import mien; model = mien.Model(runtime={runtime!r}); "
        f"print(mien.predict({str(picture)!r}, model=model, detector='full-frame')[0])"
    )
    silent = ("ORT_DISABLE_TELEMETRY", "CI")  # with either nobody is told anyway
    environment = {k: v for k, v in _environment().items() if k not in silent}
    home = tmp_path / "home"
    home.mkdir()
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    done = subprocess.run(
        [sys.executable, "-c", call], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not list(home.rglob("*")), "something was left in the user's folder"
