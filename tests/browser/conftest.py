"""The real service in a process, the system's Chromium, and pages that are watched."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import PIL.Image
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from mien.chains.samples import photographs
from mien.core.artifact import write_json
from mien.runtimes.model import DEFAULT, find

MAX_BYTES = 1_000_000
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
_REPORT_POLICY = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));"""


class Service(NamedTuple):
    """Where the service listens, and its token."""

    url: str
    token: str

    @property
    def link(self) -> str:
        return f"{self.url}/#token={self.token}"


OpenPage = Callable[..., Page]


@pytest.fixture(scope="package")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pictures by name, each below the service's limit but for ``large``."""
    folder = tmp_path_factory.mktemp("pictures")
    navy, space = (PIL.Image.open(path).convert("RGB") for path in photographs())
    two = PIL.Image.new("RGB", (650, 350), "grey")
    two.paste(space.crop((60, 0, 360, 300)), (0, 25))
    two.paste(navy.crop((106, 40, 456, 390)), (300, 0))
    turned = PIL.Image.Exif()
    turned[0x0112] = 6  # the camera was held upright
    camera = PIL.Image.new("RGB", (640, 480), "grey")
    camera.paste(space.crop((60, 0, 420, 360)).resize((480, 480)), (80, 0))
    navy.save(folder / "one.jpg")
    space.save(folder / "happy.jpg")
    two.save(folder / "two.jpg")
    navy.rotate(90, expand=True).save(folder / "turned.jpg", exif=turned)
    camera.save(folder / "camera.mjpeg", format="JPEG")
    PIL.Image.linear_gradient("L").save(folder / "none.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more than that")
    noise = np.random.default_rng(0).integers(0, 255, (700, 700, 3), dtype=np.uint8)
    PIL.Image.fromarray(noise).save(folder / "large.png")
    assert (folder / "large.png").stat().st_size > MAX_BYTES > (folder / "two.jpg").stat().st_size
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture(scope="package")
def second_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model, much less sure of itself, and never measured on unseen sources."""
    folder = tmp_path_factory.mktemp("models") / "cautious"
    shutil.copytree(find(DEFAULT), folder)
    spec = json.loads((folder / "spec.json").read_text("utf-8"))
    spec |= {"name": "cautious", "temperature": 4.0}
    del spec["scores"]["unseen"]
    write_json(folder / "spec.json", spec)
    return folder


@pytest.fixture(scope="package")
def browser(pictures: dict[str, Path]) -> Iterator[Browser]:
    """The system's Chromium; its camera sees a portrait."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip(f"there is no Chromium: none of {', '.join(_NAMES)} is on the path")
    film = f"--use-file-for-fake-video-capture={pictures['camera']}"
    expect.set_options(timeout=15_000)  # on a machine with other work
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=[*_ARGUMENTS, film])
        yield started
        started.close()


@pytest.fixture(scope="package")
def service(
    browser: Browser, second_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """``mien serve`` with two models; it starts only where there is a browser to ask it."""
    folder = tmp_path_factory.mktemp("service")
    command = [sys.executable, "-m", "mien", "serve", "--purpose", "research", "--port", "0"]
    command += ["--model", DEFAULT, "--model", str(second_model), "--max-bytes", str(MAX_BYTES)]
    command += ["--token-file", str(folder / "token")]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield _ready(process, folder / "output")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _ready(process: subprocess.Popen[bytes], output: Path) -> Service:
    for _ in range(600):
        told = output.read_text("utf-8")
        if found := re.search(r"(http://\S+)/#token=(\S+)", told):
            return Service(found[1], found[2])
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"mien serve did not start:\n{output.read_text('utf-8')}")


@pytest.fixture
def open_page(browser: Browser, service: Service) -> Iterator[OpenPage]:
    """Opens the page; afterwards no request may have gone elsewhere, and no error been logged."""
    contexts, hosts, errors, expected = [], set(), [], []

    def opened(
        link: str = service.link,
        *,
        theme: str = "light",
        size: tuple[int, int] = (1280, 900),
        allow: tuple[str, ...] = (),
        script: str = "",
    ) -> Page:
        context = browser.new_context(
            color_scheme=theme,
            reduced_motion="reduce",
            viewport={"width": size[0], "height": size[1]},
        )
        contexts.append(context)
        expected.extend(allow)
        context.add_init_script(_REPORT_POLICY + script)
        context.on("request", lambda request: hosts.add(urlsplit(request.url)[:2]))
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and errors.append(said.text))
        # Listened to from the start: a click or key can be quicker than the browser is told to.
        page.on("filechooser", lambda _: None)
        page.goto(link)
        page.locator("#intake, #door, #away").locator("visible=true").first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    own = urlsplit(service.url)[:2]
    assert {host for host in hosts if host[0] not in {"blob", "data"}} <= {own}
    assert [said for said in errors if not any(part in said for part in expected)] == []
