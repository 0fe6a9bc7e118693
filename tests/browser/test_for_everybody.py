"""Themes, phones, the keyboard, screen readers, and what the page keeps to itself."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Service

BACKGROUND = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(22, 24, 28)"
SCROLLS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
COUNT_ADDRESSES = """globalThis.addresses = 0;
    const { createObjectURL, revokeObjectURL } = URL;
    URL.createObjectURL = (file) => { addresses += 1; return createObjectURL.call(URL, file); };
    URL.revokeObjectURL = (url) => { addresses -= 1; revokeObjectURL.call(URL, url); };"""


def give(page: Page, *paths: Path) -> None:
    page.set_input_files("#files", list(paths))
    expect(page.locator(".times").first).to_be_visible()


def faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html']} {node['failureSummary']}"
        for fault in found
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def test_theme_follows_the_system_until_it_is_chosen(open_page: OpenPage) -> None:
    page = open_page(theme="dark")
    button = page.get_by_role("button", name="Dark theme")
    assert page.evaluate(BACKGROUND) == DARK
    expect(button).to_have_attribute("aria-pressed", "true")
    page.emulate_media(color_scheme="light")
    assert page.evaluate(BACKGROUND) == LIGHT
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    assert page.evaluate(BACKGROUND) == DARK
    page.reload()
    assert page.evaluate(BACKGROUND) == DARK
    expect(button).to_have_attribute("aria-pressed", "true")


def test_page_works_without_storage(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    off = "".join(
        f"Object.defineProperty(globalThis, '{name}', {{ get() {{ throw new Error('off'); }} }});"
        for name in ("localStorage", "sessionStorage")
    )
    page = open_page(script=off)
    page.get_by_role("button", name="Dark theme").click()
    assert page.evaluate(BACKGROUND) == DARK
    give(page, pictures["one"])
    expect(page.locator(".bars")).to_be_visible()


def test_phone_never_scrolls_sideways(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page(size=(360, 740))
    assert not page.evaluate(SCROLLS)
    page.get_by_label("Compare two models").check()
    give(page, pictures["two"], pictures["none"])
    assert not page.evaluate(SCROLLS)
    page.get_by_text("The whole model card").first.click()
    assert not page.evaluate(SCROLLS)
    page.set_viewport_size({"width": 320, "height": 640})
    assert not page.evaluate(SCROLLS)
    for button in page.locator(".drop button, .faces button").all():
        box = button.bounding_box()
        assert box
        assert box["height"] >= 44  # a finger's


def test_keyboard_alone_is_enough(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()

    def tab_to(name: str) -> None:
        for _ in range(20):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            outline = focused.evaluate("node => getComputedStyle(node).outlineStyle")
            assert outline != "none", f"no visible focus: {focused.evaluate('n => n.outerHTML')}"
            if name in focused.inner_text():
                return
        pytest.fail(f"Tab does not reach {name}")

    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to choosing a picture")
    tab_to("Choose pictures")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(pictures["two"])
    expect(page.locator("#status")).to_contain_text("two.jpg: 2 faces.")
    tab_to("Face 1")
    page.keyboard.press("ArrowRight")
    expect(page.locator(":focus")).to_contain_text("Face 2")
    expect(page.locator(":focus")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_alt_text("Face 2 as the network gets it")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.locator(":focus")).to_contain_text("Face 1")
    expect(page.get_by_alt_text("Face 1 as the network gets it")).to_be_visible()


def test_results_are_told_to_those_who_listen(
    open_page: OpenPage, pictures: dict[str, Path]
) -> None:
    page = open_page()
    give(page, pictures["two"])
    status = page.get_by_role("status")
    expect(status).to_contain_text("two.jpg: 2 faces. Face 1: apparent expression")
    expect(status).to_contain_text("Face 2: apparent expression happy")
    levels = (
        page.locator("h1, h2, h3, h4")
        .locator("visible=true")
        .evaluate_all("headings => headings.map((heading) => Number(heading.tagName[1]))")
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(
    open_page: OpenPage, pictures: dict[str, Path], theme: str
) -> None:
    page = open_page(theme=theme)
    assert faults(page) == []
    page.get_by_label("Compare two models").check()
    give(page, pictures["two"], pictures["none"])
    page.get_by_text("The whole model card").first.click()
    assert faults(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault_where_something_is_missing(
    open_page: OpenPage, pictures: dict[str, Path], service: Service, theme: str
) -> None:
    page = open_page(service.url, theme=theme)
    assert faults(page) == []
    page.get_by_label("Token, or the whole link").fill(service.token)
    page.keyboard.press("Enter")
    expect(page.locator("#intake")).to_be_visible()
    give(page, pictures["broken"])
    page.set_input_files("#files", [pictures["large"]])
    page.get_by_role("button", name="Take a photo").click()
    expect(page.get_by_role("button", name="Take the photo")).to_be_enabled()
    assert faults(page) == []


def test_nothing_is_kept(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page(script=COUNT_ADDRESSES)
    give(page, pictures["two"], pictures["none"])
    assert page.evaluate("addresses") == 2
    stored = "[...Object.keys(localStorage), ...Object.keys(sessionStorage)]"
    assert page.evaluate(stored) == ["mien-token"]
    assert page.evaluate("indexedDB.databases()") == []
    assert page.context.cookies() == []
    page.get_by_role("button", name="Remove all pictures").click()
    expect(page.locator("#results")).to_be_hidden()
    expect(page.get_by_role("button", name="Choose pictures")).to_be_focused()
    assert page.evaluate("addresses") == 0


def test_only_the_picture_leaves_the_page(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    sent = []
    page.on("request", lambda request: sent.append((request.url, request.post_data_buffer)))
    give(page, pictures["one"])
    elsewhere = [(url, body) for url, body in sent if not url.startswith(("blob:", "data:"))]
    assert [body for _, body in elsewhere] == [pictures["one"].read_bytes()]
    assert "/v1/predict?" in elsewhere[0][0]
