"""The camera followed live: boxes over the preview, a timeline below, and an end to it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.conftest import OpenPage, Service
from tests.browser.test_for_everybody import SCROLLS, faults

BUSY = {"error": {"code": "overloaded", "message": "busy"}}
BARE = {"error": {"code": "not_installed", "message": "SciPy is missing."}}


def begin(page: Page) -> None:
    """Opens the camera's box and follows."""
    page.get_by_role("button", name="Take a photo").click()
    expect(page.get_by_role("button", name="Take the photo")).to_be_enabled()
    page.get_by_role("button", name="Follow live", exact=True).click()


def follow(page: Page) -> None:
    begin(page)
    expect(page.locator("#live-marks .mark")).to_have_count(1)
    expect(page.locator(".timeline").first).to_be_visible()


def asked(page: Page) -> list[Request]:
    """Gathers what is asked of the service from now on."""
    found: list[Request] = []
    page.on("request", lambda request: "/v1/" in request.url and found.append(request))
    return found


def is_quiet(page: Page) -> bool:
    """Tells whether nothing is sent for as long as four frames would take."""
    page.wait_for_timeout(300)  # what was under way may end
    sent = asked(page)
    page.wait_for_timeout(500)
    return not sent


def test_a_face_is_followed(open_page: OpenPage) -> None:
    page = open_page()
    sent = asked(page)
    under_way, most = set(), [0]

    def began(request: Request) -> None:
        if "/v1/" in request.url:
            under_way.add(request)
            most[0] = max(most[0], len(under_way))

    def ended(request: Request) -> None:
        under_way.discard(request)

    page.on("request", began)
    page.on("requestfinished", ended)
    follow(page)
    expect(page.locator("#live-marks .number")).to_contain_text("happy")
    expect(page.get_by_role("img", name="Person 1, seen for")).to_be_visible()
    expect(page.get_by_role("img", name="mostly happy (100% of the frames)")).to_be_visible()
    expect(page.locator(".person-name")).to_contain_text("now happy")
    expect(page.locator(".timeline .area")).to_have_count(7)
    expect(page.locator("#live-rate")).to_contain_text("1 face in the frame")
    expect(page.locator("#live-told")).to_have_text("One person is seen.")
    assert most == [1]
    told = json.loads(next(one.post_data or "" for one in sent if "/v1/follow" in one.url))
    assert set(told) == {"frames", "model", "gap"}
    assert set(told["frames"][-1]["faces"][0]) == {"box", "probabilities", "reason"}


LARGE = """navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [1280, 720];
    setInterval(() => canvas.getContext("2d").fillRect(0, 0, 1280, 720), 50);
    return canvas.captureStream();
};"""


def test_large_frames_are_scaled_down(open_page: OpenPage) -> None:
    page = open_page(script=LARGE)
    with page.expect_response("**/v1/predict*") as found:
        begin(page)
    image = found.value.json()["images"][0]
    assert (image["width"], image["height"]) == (640, 360)
    expect(page.locator("#timelines")).to_contain_text("Nobody was seen long enough yet.")
    expect(page.locator("#live-told")).to_have_text("Nobody is seen.")


def test_boxes_stand_where_the_mirrored_preview_shows_the_face(open_page: OpenPage) -> None:
    page = open_page()
    begin(page)
    with page.expect_response("**/v1/predict*") as found:
        expect(page.locator("#preview.mirrored")).to_be_visible()
    image = found.value.json()["images"][0]
    expect(page.locator("#live-marks .mark")).to_have_count(1)
    left = float(page.locator("#live-marks .box").get_attribute("x") or "nan")
    assert left == pytest.approx(image["width"] - image["faces"][0]["box"]["x2"], abs=3)
    video, marks = (
        page.locator("#preview").bounding_box(),
        page.locator("#live-marks").bounding_box(),
    )
    assert video == marks


def test_stop_ends_it_and_the_camera_goes_on(open_page: OpenPage) -> None:
    page = open_page()
    follow(page)
    page.get_by_role("button", name="Stop following").click()
    expect(page.locator("#live-marks .mark")).to_have_count(0)
    assert is_quiet(page)
    assert page.evaluate("document.getElementById('preview').srcObject.active")
    page.get_by_role("button", name="Follow live", exact=True).click()
    expect(page.locator("#live-marks .mark")).to_have_count(1)
    page.get_by_role("button", name="Take the photo").click()
    expect(page.locator(".verdict strong")).to_have_text("5-happy")


def test_closing_the_box_stops_all(open_page: OpenPage) -> None:
    page = open_page()
    follow(page)
    page.evaluate("globalThis.film = document.getElementById('preview').srcObject")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate("film.getTracks().every((track) => track.readyState === 'ended')")
    assert is_quiet(page)
    page.get_by_role("button", name="Take a photo").click()
    expect(page.get_by_role("button", name="Follow live", exact=True)).to_be_enabled()
    expect(page.locator("#live")).to_be_hidden()
    assert page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]") == [
        "mien-token"
    ]
    assert page.evaluate("indexedDB.databases()") == []


def test_a_hidden_tab_sends_nothing(open_page: OpenPage) -> None:
    page = open_page()
    follow(page)
    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", { value: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    expect(page.get_by_role("button", name="Follow live", exact=True)).to_be_visible()
    assert is_quiet(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(open_page: OpenPage, theme: str) -> None:
    page = open_page(theme=theme)
    page.route("**/v1/follow", changed)
    follow(page)
    assert faults(page) == []


def test_a_phone_never_scrolls_sideways(open_page: OpenPage) -> None:
    page = open_page(size=(360, 740))
    page.route("**/v1/follow", changed)
    follow(page)
    assert not page.evaluate(SCROLLS)
    wider = "(box) => box.scrollWidth > box.clientWidth"
    assert not page.locator("#camera-box").evaluate(wider)
    box = page.get_by_role("button", name="Stop following").bounding_box()
    assert box
    assert box["height"] >= 44  # a finger's


def test_the_keyboard_alone_is_enough(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Take a photo").press("Enter")
    expect(page.get_by_role("button", name="Take the photo")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Follow live", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".timeline").first).to_be_visible()
    expect(page.get_by_role("button", name="Stop following")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#live-marks .mark")).to_have_count(0)


def test_the_chosen_model_is_asked(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#model").select_option("cautious")
    with page.expect_response("**/v1/follow") as found:
        follow(page)
    assert found.value.json()["model"]["name"] == "cautious"


# What changes, in words.


def changed(route: Route) -> None:
    """Tells of one change, of a face lost for a while, and of more people than are drawn."""
    told = route.fetch().json()
    frames = json.loads(route.request.post_data or "")["frames"]
    began, now = frames[0]["time"] - 3, frames[-1]["time"]
    calm, happy = (
        [0.9, 0.02, 0.02, 0.02, 0.02, 0.01, 0.01],
        [0.02, 0.01, 0.01, 0.02, 0.9, 0.02, 0.02],
    )
    times = [round(now - 6 + n / 8, 3) for n in range(48)] + [now]
    event = {
        "person": 0, "start": began, "before": "neutral", "after": "happy", "onset": began,
        "apex": now - 1, "offset": now, "confidence": 0.9, "reported": None,
    }  # fmt: skip
    person: dict[str, Any] = {
        "person": 0, "first": times[0], "last": now, "times": times,
        "boxes": [[200, 100, 300, 240]] * 8 + [None] * 4 + [[200, 100, 300, 240]] * 37,
        "probabilities": [calm] * 24 + [happy] * 25,
        "expressions": ["neutral"] * 24 + ["happy"] * 25, "events": [event],
    }  # fmt: skip
    gone = person | {
        "first": times[0] - 20,
        "last": now - 20,
        "events": [],
        "times": [t - 20 for t in times],
    }
    people = [person, *({**gone, "person": n} for n in (1, 2, 3))]
    route.fulfill(json=told | {"people": people})


def test_a_change_is_drawn_and_told_once(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/v1/follow", changed)
    page.evaluate("""() => {
        globalThis.heard = [];
        new MutationObserver(() => heard.push(document.getElementById("live-told").textContent))
            .observe(document.getElementById("live-told"), { childList: true });
    }""")
    begin(page)
    expect(page.locator("#live-told")).to_have_text(
        "One person is seen. Person 1: neutral, then happy."
    )
    first = page.locator(".person").first
    expect(first.get_by_role("listitem")).to_have_text(
        re.compile(r"^\d s ago: neutral → happy, 90%$")
    )
    expect(first.locator(".change")).to_have_count(1)
    expect(first.locator(".lost")).to_have_count(1)
    expect(first.locator(".name")).to_have_text(["neutral", "happy"])
    expect(page.locator(".person")).to_have_count(3)
    expect(page.locator(".person").last).to_contain_text("last seen 20 s ago")
    expect(page.get_by_text("Not drawn: 1 more, seen less.")).to_be_visible()
    page.wait_for_timeout(2500)
    assert [words for words in page.evaluate("heard") if words] == [
        "One person is seen. Person 1: neutral, then happy."
    ]


# What goes wrong.


def test_a_lost_service_is_told_and_followed_again(open_page: OpenPage) -> None:
    page = open_page(allow=("ERR_CONNECTION_REFUSED",))
    follow(page)
    page.route("**/v1/predict*", lambda route: route.abort("connectionrefused"))
    expect(page.locator("#live-fault")).to_contain_text("The service does not answer")
    expect(page.get_by_role("button", name="Follow live", exact=True)).to_be_visible()
    assert is_quiet(page)
    page.unroute("**/v1/predict*")
    page.get_by_role("button", name="Follow live", exact=True).click()
    expect(page.locator("#live-fault")).to_be_hidden()
    expect(page.locator("#live-marks .mark")).to_have_count(1)


def test_a_busy_service_is_asked_again(open_page: OpenPage) -> None:
    page = open_page(allow=("503",))
    page.route(
        "**/v1/predict*",
        lambda route: route.fulfill(status=503, headers={"Retry-After": "1"}, json=BUSY),
        times=1,
    )
    begin(page)
    expect(page.locator("#live-fault")).to_contain_text("Trying again in 1 s")
    expect(page.locator("#live-marks .mark")).to_have_count(1)
    expect(page.locator("#live-fault")).to_be_hidden()


def test_without_scipy_boxes_are_drawn_and_no_timeline(open_page: OpenPage) -> None:
    page = open_page(allow=("501",))
    page.route("**/v1/follow", lambda route: route.fulfill(status=501, json=BARE))
    begin(page)
    expect(page.locator("#live-fault")).to_have_text("There is no timeline: SciPy is missing.")
    sent = asked(page)
    page.wait_for_timeout(1500)
    assert {one.url.partition("?")[0].rpartition("/")[2] for one in sent} == {"predict"}
    expect(page.locator("#live-marks .mark")).to_have_count(1)


def test_a_token_that_ended_leads_back_to_the_door(open_page: OpenPage, service: Service) -> None:
    page = open_page(allow=("401",))
    follow(page)
    page.route("**/v1/predict*", lambda route: route.fulfill(status=401, json={}))
    expect(page.locator("#door")).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_label("Token, or the whole link").fill(service.token)
    page.unroute("**/v1/predict*")
    page.keyboard.press("Enter")
    expect(page.locator("#intake")).to_be_visible()
