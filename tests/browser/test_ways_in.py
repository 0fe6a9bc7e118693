"""How a picture comes to the page, and what keeps it out."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage, Service

MADE = """([bytes, name, type]) => {
    const data = new DataTransfer();
    const content = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
    data.items.add(new File([content], name, { type }));
    return data;
}"""


def carried(path: Path, kind: str = "image/jpeg") -> list[str]:
    return [base64.b64encode(path.read_bytes()).decode(), path.name, kind]


def give(page: Page, *paths: Path) -> None:
    page.set_input_files("#files", list(paths))


def test_chosen_picture_is_answered(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose pictures").click()
    chooser.value.set_files(pictures["one"])
    expect(page.locator(".bars")).to_be_visible()
    expect(page.locator("#results-title")).to_have_text("Results: one.jpg")
    expect(page.locator("#status")).to_contain_text("one.jpg: one face. Face 1: apparent")


def test_pasted_picture_is_answered(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    paste = f"""(file) => document.dispatchEvent(new ClipboardEvent("paste",
        {{ clipboardData: ({MADE})(file), bubbles: true, cancelable: true }}))"""
    page.evaluate(paste, carried(pictures["happy"]))
    expect(page.locator(".verdict strong")).to_have_text("5-happy")


def test_clipboard_and_its_key_work(
    open_page: OpenPage, service: Service, pictures: dict[str, Path]
) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=service.url)
    copy = """async ([bytes, , type]) => {
        const image = new Image();
        image.src = `data:${type};base64,${bytes}`;
        await image.decode();
        const canvas = new OffscreenCanvas(image.width, image.height);
        canvas.getContext("2d").drawImage(image, 0, 0);
        const png = await canvas.convertToBlob({ type: "image/png" });
        await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
    }"""
    page.evaluate(copy, carried(pictures["happy"]))
    page.keyboard.press("Control+V")
    expect(page.locator(".verdict strong")).to_have_text("5-happy")


def test_paste_without_a_picture_is_told(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate("""() => document.dispatchEvent(new ClipboardEvent("paste",
        { clipboardData: new DataTransfer(), bubbles: true }))""")
    expect(page.get_by_role("alert")).to_contain_text("The clipboard holds no picture")


def test_dropped_picture_is_answered(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    data = page.evaluate_handle(MADE, carried(pictures["one"]))
    page.dispatch_event("#drop", "dragenter", {"dataTransfer": data})
    expect(page.locator("#drop.over")).to_be_visible()
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    expect(page.locator(".bars")).to_be_visible()
    expect(page.locator("#drop.over")).to_have_count(0)


def test_dropped_address_is_not_fetched(open_page: OpenPage) -> None:
    page = open_page()
    data = page.evaluate_handle("""() => {
        const data = new DataTransfer();
        data.setData("text/uri-list", "https://example.org/face.jpg");
        return data;
    }""")
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    expect(page.get_by_role("alert")).to_contain_text("fetches nothing from other addresses")


def test_photo_is_taken_and_the_camera_stops(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Take a photo").click()
    expect(page.get_by_role("button", name="Take the photo")).to_be_enabled()
    page.evaluate("globalThis.film = document.getElementById('preview').srcObject")
    page.get_by_role("button", name="Take the photo").click()
    expect(page.locator(".verdict strong")).to_have_text("5-happy")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate("film.getTracks().every((track) => track.readyState === 'ended')")


def test_stopped_camera_takes_nothing(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Take a photo").click()
    expect(page.get_by_role("button", name="Take the photo")).to_be_enabled()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate("document.getElementById('preview').srcObject") is None
    expect(page.locator("#results")).to_be_hidden()


REFUSED = """navigator.mediaDevices.getUserMedia =
    async () => { throw new DOMException("", "NotAllowedError"); };"""
ABSENT = REFUSED.replace("NotAllowedError", "NotFoundError")
INSECURE = """Object.defineProperty(globalThis, "isSecureContext", { value: false });
    Object.defineProperty(Navigator.prototype, "mediaDevices", { value: undefined });"""


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(REFUSED, "The camera is not allowed on this page", id="refused"),
        pytest.param(ABSENT, "No camera was found", id="absent"),
        pytest.param(INSECURE, "only on a page of this machine or one that came by", id="insecure"),
    ],
)
def test_missing_camera_is_told(open_page: OpenPage, script: str, words: str) -> None:
    page = open_page(script=script)
    page.get_by_role("button", name="Take a photo").click()
    expect(page.locator("#camera-words")).to_contain_text(words)
    expect(page.get_by_role("button", name="Take the photo")).to_be_disabled()


def test_large_file_is_refused_before_it_is_sent(
    open_page: OpenPage, pictures: dict[str, Path]
) -> None:
    page = open_page()
    sent = []
    page.on("request", lambda request: sent.append(request.url))
    give(page, pictures["large"])
    expect(page.get_by_role("alert")).to_contain_text("large.png is too large")
    expect(page.get_by_role("alert")).to_contain_text("1 MB at most. It was not sent")
    assert sent == []
    give(page, pictures["large"], pictures["one"])
    expect(page.locator(".bars")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_in_viewport()


def test_refusal_of_a_large_file_by_the_service_is_told(
    open_page: OpenPage, pictures: dict[str, Path]
) -> None:
    page = open_page(allow=("413",))

    def more(route: Route) -> None:
        told = route.fetch().json()
        told["limits"]["bytes"] *= 100
        route.fulfill(json=told)

    page.route("**/v1/service", more)
    page.reload()
    expect(page.locator("#intake")).to_be_visible()
    give(page, pictures["large"])
    expect(page.locator("#picture .note")).to_contain_text("large.png: The picture is too large")


def test_empty_file_is_refused(open_page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    page = open_page()
    give(page, tmp_path / "empty.png")
    expect(page.get_by_role("alert")).to_contain_text("empty.png is empty")


def test_without_token_the_page_asks_for_it(
    open_page: OpenPage, service: Service, pictures: dict[str, Path]
) -> None:
    page = open_page(service.url)
    expect(page.get_by_role("heading", name="This page needs its token")).to_be_visible()
    expect(page.locator("#intake")).to_be_hidden()
    expect(page.get_by_label("Token, or the whole link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#door-fault")).to_have_text("Paste the token first.")
    page.get_by_label("Token, or the whole link").fill(service.link)
    page.keyboard.press("Enter")
    expect(page.locator("#intake")).to_be_visible()
    give(page, pictures["one"])
    expect(page.locator(".bars")).to_be_visible()


def test_wrong_token_is_told(open_page: OpenPage, service: Service) -> None:
    page = open_page(f"{service.url}/#token=wrong", allow=("401",))
    expect(page.locator("#door-why")).to_contain_text("does not accept the token")
    page.get_by_label("Token, or the whole link").fill("zwölf")
    page.get_by_role("button", name="Open").click()
    expect(page.locator("#door-why")).to_contain_text("does not accept the token")
    page.get_by_label("Token, or the whole link").fill(service.token)
    page.get_by_role("button", name="Open").click()
    expect(page.locator("#intake")).to_be_visible()


def test_token_leaves_the_address_and_outlasts_a_reload(
    open_page: OpenPage, service: Service
) -> None:
    page = open_page()
    assert page.url == f"{service.url}/"
    page.reload()
    expect(page.locator("#intake")).to_be_visible()


def test_picture_waits_for_a_new_token(
    open_page: OpenPage, service: Service, pictures: dict[str, Path]
) -> None:
    page = open_page(allow=("401",))
    page.route("**/v1/predict*", lambda route: route.fulfill(status=401, json={}), times=1)
    give(page, pictures["one"])
    expect(page.locator("#door")).to_be_visible()
    page.get_by_label("Token, or the whole link").fill(service.token)
    page.keyboard.press("Enter")
    expect(page.locator(".bars")).to_be_visible()


def test_busy_service_is_asked_again(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page(allow=("503",))
    busy = json.dumps({"error": {"code": "overloaded", "message": "busy"}})
    page.route(
        "**/v1/predict*",
        lambda route: route.fulfill(status=503, headers={"Retry-After": "1"}, body=busy),
        times=1,
    )
    give(page, pictures["one"])
    expect(page.locator("#status")).to_contain_text("busy with other pictures. Trying again in 1 s")
    expect(page.locator(".bars")).to_be_visible()


def test_lost_service_is_told_and_asked_again(
    open_page: OpenPage, pictures: dict[str, Path]
) -> None:
    page = open_page(allow=("ERR_CONNECTION_REFUSED",))
    page.route("**/v1/predict*", lambda route: route.abort("connectionrefused"), times=1)
    give(page, pictures["one"])
    expect(page.locator("#picture .note")).to_contain_text("The service does not answer")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".bars")).to_be_visible()


def test_lost_service_at_the_start_is_told(open_page: OpenPage) -> None:
    page = open_page(allow=("ERR_CONNECTION_REFUSED",))
    page.route("**/v1/service", lambda route: route.abort("connectionrefused"), times=1)
    page.reload()
    expect(page.get_by_role("heading", name="The service does not answer")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#intake")).to_be_visible()
