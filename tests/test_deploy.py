"""What docs/service.md and the deployment files say is so, as far as no engine is needed for it."""

import fnmatch
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import PIL.Image
import pytest
import skimage
import typer.main
import yaml

from mien.cli.app import app
from mien.serve.errors import KINDS
from mien.serve.purposes import PURPOSES
from mien.serve.settings import Limits
from mien.serve.tokens import read_token
from tests.trees.clips import clip

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs/service.md").read_text("utf-8")
DOCKERFILE = (ROOT / "docker/serve.Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))
CLUSTER = list(yaml.safe_load_all((ROOT / "deploy/kubernetes.yaml").read_text("utf-8")))
UNIT = (ROOT / "deploy/mien.service").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8000"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading of the guide."""
    part = GUIDE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


CURLS = [block for block in blocks("sh") if "curl " in block]
PYTHONS = blocks("python")


# The guide


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's home, with the pictures that the examples name."""
    folder = tmp_path_factory.mktemp("home")
    portrait = Path(skimage.__file__).parent / "data/astronaut.png"
    with PIL.Image.open(portrait) as picture:
        picture.convert("RGB").save(folder / "photo.jpg")
        picture.convert("RGB").resize((300, 300)).save(folder / "other.jpg")
        frame = np.asarray(picture.convert("RGB"))
    clip(folder / "clip.mp4", [frame] * 10, size=(frame.shape[1], frame.shape[0]))
    return folder


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MIEN_", "XDG_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "HOME": str(home), "MIEN_OFFLINE": "1", "PATH": path}


@pytest.fixture(scope="module")
def address(home: Path, environment: dict[str, str]) -> Iterator[str]:
    """A service as the guide starts it, but on a free port."""
    command = [sys.executable, "-m", "mien", "serve", "--purpose", "research", "--port", "0"]
    log = home / "log"
    with log.open("w") as stderr:
        service = subprocess.Popen(command, cwd=home, env=environment, stderr=stderr)
    try:
        for _ in range(600):
            if found := re.search(
                r"^Page: (http://[\d.]+:\d+)/#token=", log.read_text(), re.MULTILINE
            ):
                break
            assert service.poll() is None, log.read_text()
            time.sleep(0.1)
        assert found, log.read_text()
        yield found[1]
        service.terminate()
        assert service.wait(60) == 0, log.read_text()
    finally:
        service.kill()
        service.wait()


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
def test_the_curl_examples_work(address: str, home: Path, environment: dict[str, str]) -> None:
    for block in CURLS:
        script = block.replace("--fail ", "").replace("curl ", "curl -sS --fail-with-body ")
        assert ADDRESS in script
        done = subprocess.run(
            ["/bin/sh", "-eu", "-c", script.replace(ADDRESS, address)],
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"error"' not in done.stdout
    answer = json.loads((home / "answer.json").read_text())
    assert [image["name"] for image in answer["images"]] == ["photo.jpg", "other.jpg"]
    assert all(image["faces"] for image in answer["images"])
    with PIL.Image.open(home / "marked.png") as marked:
        assert marked.format == "PNG"
        assert marked.width >= 512
    lines = [json.loads(line) for line in (home / "answers.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == ["other.jpg", "photo.jpg"]
    assert all(line["image"]["faces"] for line in lines)


@pytest.mark.parametrize("number", range(len(PYTHONS)))
def test_the_python_examples_work(
    number: int, address: str, home: Path, environment: dict[str, str]
) -> None:
    script = PYTHONS[number].replace(ADDRESS, address)
    assert address in script
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=home, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "happy" in done.stdout


def test_the_answer_of_the_guide_has_the_fields_of_a_real_one(
    address: str, home: Path, environment: dict[str, str]
) -> None:
    (text,) = blocks("json")
    script = (
        "import json, mien; print(json.dumps(mien.Client("
        f"{address!r}, token_file='~/.cache/mien/serve-token').predict('photo.jpg')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=home, env=environment, capture_output=True, text=True
    )
    real, told = json.loads(done.stdout), json.loads(text)
    wanted_only = {"annotated", "chip", "input"}  # null, as nobody asked for them
    for one, other in (
        (real, told),
        (real["images"][0], told["images"][0]),
        (real["images"][0]["faces"][0], told["images"][0]["faces"][0]),
        (real["images"][0]["timings_ms"], told["images"][0]["timings_ms"]),
    ):
        assert list(other) == [key for key in one if key not in wanted_only]


def test_the_health_check_of_the_image_passes_and_fails(address: str) -> None:
    (line,) = re.findall(r"^HEALTHCHECK .*\\\n\s+CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    _, *arguments = json.loads(line)
    good = [part.replace(ADDRESS, address) for part in arguments]
    bad = [part.replace(ADDRESS, "http://127.0.0.1:1") for part in arguments]
    assert good != arguments
    assert subprocess.run([sys.executable, *good], capture_output=True).returncode == 0
    assert subprocess.run([sys.executable, *bad], capture_output=True).returncode != 0


def test_the_guide_lists_every_error() -> None:
    told = {row[1].strip("`"): (int(row[0]), row[2].partition(";")[0]) for row in rows("Errors")}
    assert told == {code: tuple(kind) for code, kind in KINDS.items()}


def test_the_guide_lists_every_limit_with_its_default() -> None:
    told = {row[0].strip("`"): float(row[1]) for row in rows("Limits")}
    options = {option.opts[0]: option for option in _serve().params}
    assert {name: float(options[name].default) for name in told} == told
    named = {
        "bytes": "--max-bytes",
        "pixels": "--max-pixels",
        "images": "--max-images",
        "faces": "--max-faces",
        "seconds": "--max-seconds",
        "queue": "--queue",
        "per_minute": "--rate",
        "video_bytes": "--max-video-bytes",
        "video_seconds": "--max-video-seconds",
        "video_frames": "--max-video-frames",
        "video_wait": "--max-video-wait",
    }
    assert set(named) == set(Limits.model_fields)
    assert set(named.values()) | {"--grace"} == set(told)


def test_the_guide_names_every_purpose() -> None:
    told = [name for row in rows("Purposes") for name in re.findall(r"`(.*?)`", row[0])]
    assert sorted(told) == sorted(PURPOSES)


def test_every_option_that_the_guide_names_exists() -> None:
    docker = {"--rm", "--read-only", "--tmpfs", "--cap-drop", "--security-opt", "--user"}
    curl = {"--data-binary", "--fail", "--no-buffer", "--cacert"}
    here = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", GUIDE)) - docker - curl - {"--health-cmd"}
    assert here <= _options()


# The deployment files


def _serve() -> click.Command:
    group = typer.main.get_command(app)
    return group.commands["serve"]  # type: ignore[attr-defined]


def _options() -> set[str]:
    return {name for option in _serve().params for name in option.opts + option.secondary_opts}


def _checked(arguments: list[str]) -> dict[str, str]:
    """Returns the arguments of ``mien serve``, which knows them all and takes their values."""
    assert {part for part in arguments if part.startswith("--")} <= _options()
    _serve().make_context("serve", list(arguments))
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return {name: value for name, value in pairs if name.startswith("--")}


def _image_arguments() -> list[str]:
    (line,) = re.findall(r"^ENTRYPOINT (\[.*\])$", DOCKERFILE, re.MULTILINE)
    program, command, *arguments = json.loads(line)
    assert (program, command) == ("mien", "serve")
    return arguments


def _seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_the_image_copies_what_is_there_and_is_let_through() -> None:
    ignored = (ROOT / "docker/serve.Dockerfile.dockerignore").read_text().split()
    assert ignored[0] == "*"
    let_through = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(
                fnmatch.fnmatch(source, one) or source.startswith(f"{one}/") for one in let_through
            )


def test_the_image_is_built_from_the_pins_of_serve() -> None:
    assert DOCKERFILE.count("--require-hashes") == DOCKERFILE.count(" -r requirements/") == 2
    pins = (ROOT / "requirements/serve.txt").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for need in project["dependencies"] + project["optional-dependencies"]["serve"]:
        name = re.match(r"[\w.-]+", need)[0]  # type: ignore[index]
        assert re.search(rf"^{name}==", pins, re.MULTILINE), name


def test_the_image_runs_as_nobody_and_fetches_nothing() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert len(set(bases)) == 1
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d{3,}:[1-9]\d{3,}$", last, re.MULTILINE)
    assert "\nRUN" not in last
    for setting in ("MIEN_OFFLINE=1", "ORT_DISABLE_TELEMETRY=1", "PYTHONDONTWRITEBYTECODE=1"):
        assert setting in last
    assert {"--no-link", "--token-file"} <= set(_image_arguments())
    assert "--purpose" not in _image_arguments()  # it is for whoever starts it to say
    _checked([*_image_arguments(), "--purpose", "research"])


def test_the_container_of_compose_is_closed() -> None:
    (service,) = COMPOSE["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].startswith("${MIEN_USER:?")
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    (tmp,) = service["tmpfs"]
    assert {"noexec", "nosuid", "nodev"} <= set(tmp.partition(":")[2].split(","))
    assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert "privileged" not in service
    assert "volumes" not in service
    (secret,) = service["secrets"]
    assert f"/run/secrets/{secret['target']}" in _image_arguments()
    assert COMPOSE["secrets"][secret["source"]]["file"] == "token"
    assert "token" in (ROOT / "deploy/.gitignore").read_text().split()
    build = ROOT / "deploy" / service["build"]["context"]
    assert build.resolve() == ROOT
    assert (build / service["build"]["dockerfile"]).is_file()


def test_the_container_of_compose_has_time_to_stop() -> None:
    (service,) = COMPOSE["services"].values()
    command = [re.sub(r"\$\{MIEN_PURPOSE:\?.*\}", "research", one) for one in service["command"]]
    told = _checked([*_image_arguments(), *command])
    assert _seconds(service["stop_grace_period"]) > int(told["--grace"])
    assert int(told["--jobs"]) == int(service["deploy"]["resources"]["limits"]["cpus"])


def _of_kind(kind: str) -> dict[str, Any]:
    (found,) = [one for one in CLUSTER if one["kind"] == kind]
    return found


def test_the_pod_is_closed() -> None:
    pod = _of_kind("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] >= 1000
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "privileged": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} == set(container["resources"]["limits"])
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert _of_kind("NetworkPolicy")["spec"]["egress"] == []
    assert set(_of_kind("NetworkPolicy")["spec"]["policyTypes"]) == {"Ingress", "Egress"}


def test_the_pod_is_given_the_token_as_a_secret() -> None:
    pod = _of_kind("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    (secret,) = [one for one in pod["volumes"] if "secret" in one]
    assert secret["secret"]["defaultMode"] == 0o400
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]
    told = _checked([*_image_arguments(), *container["args"]])
    path = secret["secret"]["items"][0]["path"]
    assert told["--token-file"] == f"{mounts[secret['name']]['mountPath']}/{path}"
    assert mounts[secret["name"]]["readOnly"] is True
    assert not [one for one in CLUSTER if one["kind"] == "Secret"]  # it is not written down


def test_the_pod_is_asked_and_has_time_to_stop() -> None:
    pod = _of_kind("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    told = _checked([*_image_arguments(), *container["args"]])
    before = int(container["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod["terminationGracePeriodSeconds"] > before + int(told["--grace"])
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    (port,) = container["ports"]
    assert port["containerPort"] == int(told["--port"])
    (served,) = _of_kind("Service")["spec"]["ports"]
    assert served["targetPort"] == port["name"]
    labels = _of_kind("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert _of_kind("Service")["spec"]["selector"].items() <= labels.items()


def _unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    text = re.sub(r"^#.*\n", "", UNIT, flags=re.MULTILINE).replace("\\\n", " ")
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def test_the_unit_is_closed() -> None:
    unit = _unit()
    for name in (
        "DynamicUser ProtectHome PrivateTmp PrivateDevices ProtectClock ProtectControlGroups "
        "ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables "
        "NoNewPrivileges LockPersonality MemoryDenyWriteExecute RestrictNamespaces "
        "RestrictRealtime RestrictSUIDSGID"
    ).split():
        assert unit[name] == ["yes"], name
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["IPAddressDeny"] == ["any"]
    assert unit["IPAddressAllow"] == ["localhost"]
    environment = " ".join(unit["Environment"])
    assert "MIEN_OFFLINE=1" in environment
    assert "ORT_DISABLE_TELEMETRY=1" in environment


def test_the_unit_starts_mien_with_its_credential_and_has_time_to_stop() -> None:
    unit = _unit()
    (line,) = unit["ExecStart"]
    program, command, *arguments = shlex.split(line.replace("${MIEN_PURPOSE}", "research"))
    assert (Path(program).name, command) == ("mien", "serve")
    told = _checked(arguments)
    (name, _) = unit["LoadCredential"][0].split(":")
    assert told["--token-file"] == f"${{CREDENTIALS_DIRECTORY}}/{name}"
    assert "--no-link" in told
    assert int(unit["TimeoutStopSec"][0]) > int(told["--grace"])
    assert "--host" not in told


# The token as it is handed over


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may give files away")
def test_a_secret_that_root_hands_to_a_group_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("a" * 43 + "\n")
    path.chmod(0o440)  # Kubernetes with fsGroup; systemd from 254 on
    assert read_token(path) == "a" * 43
    for owner, mode in ((1000, 0o440), (0, 0o460), (0, 0o444), (0, 0o640), (1000, 0o640)):
        os.chown(path, owner, -1)
        path.chmod(mode)
        with pytest.raises(Exception, match="chmod 600"):
            read_token(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_cluster_files_call_options_that_there_are() -> None:
    command = typer.main.get_command(app).commands["predict"]  # type: ignore[attr-defined]
    known = {option for one in command.params for option in one.opts}
    for file in sorted((ROOT / "examples/cluster").iterdir()):
        text = file.read_text("utf-8")
        yaml.safe_load(text)
        called = re.search(r"mien predict .*?(?=shutdown|ray down)", text, re.DOTALL)
        assert called is not None, file.name
        used = set(re.findall(r" (--[a-z-]+)", called[0]))
        assert {"--engine", "--shard-size", "--out"} <= used <= known, file.name
