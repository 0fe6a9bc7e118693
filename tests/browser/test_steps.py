"""What the page shows: the five steps, each face, each reason, and two models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage

STEPS = ["1Image", "2Face and landmarks", "3Warped and cropped", "4Network", "5Classification"]
ROWS = ["0-neutral", "1-anger", "3-disgust", "4-fear", "5-happy", "6-sadness", "7-surprise"]
STAGES = ["decode", "detect", "align", "network", "wait"]


def give(page: Page, *paths: Path) -> None:
    page.set_input_files("#files", list(paths))
    expect(page.locator(".times").first).to_be_visible()


def answered(page: Page, change: Any) -> None:
    """Lets the page see the service's answers changed."""

    def changed(route: Route) -> None:
        told = route.fetch().json()
        change(told["images"][0])
        route.fulfill(json=told)

    page.route("**/v1/predict*", changed)


def test_five_steps(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    give(page, pictures["happy"])
    assert page.locator(".steps h3").all_text_contents() == STEPS
    expect(page.locator(".step-1")).to_contain_text("512 \N{MULTIPLICATION SIGN} 512 pixels")
    expect(page.locator(".step-2 .box")).to_have_count(1)
    expect(page.locator(".step-2 .point")).to_have_count(5)
    expect(page.get_by_alt_text("Face 1, turned level and cut out")).to_be_visible()
    given = page.get_by_alt_text("Face 1 as the network gets it")
    assert given.evaluate("image => image.naturalWidth") == 48
    expect(page.locator(".step-4")).to_contain_text("mienet")
    expect(page.locator(".step-4")).to_contain_text("48 \N{MULTIPLICATION SIGN} 48, grey")
    expect(page.locator(".step-4")).to_contain_text(re.compile(r"\d\.\d MB"))
    expect(page.locator(".step-4")).to_contain_text(re.compile(r"[\d.]+ ms"))
    expect(page.locator(".verdict")).to_contain_text("Apparent expression")


def test_bars_have_the_form_of_the_thesis(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    give(page, pictures["one"])
    assert page.locator(".bars tbody th").all_text_contents() == ROWS
    shares = page.locator(".bars .share").all_text_contents()
    assert all(re.fullmatch(r"\d+\.\d\d%", share) for share in shares)
    assert abs(sum(float(share[:-1]) for share in shares) - 100) < 0.1
    widths = page.locator(".bars .track").evaluate_all(
        "tracks => tracks.map((track) => 100 * track.firstChild.offsetWidth / track.offsetWidth)"
    )
    for share, width in zip(shares, widths, strict=True):
        assert abs(float(share[:-1]) - width) < 1


def test_time_of_every_stage(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    give(page, pictures["one"])
    rows = page.locator(".times tr").all_text_contents()
    for stage, row in zip(STAGES, rows, strict=False):
        assert re.match(rf"{stage} .*[\d.]+ ms$", row)
    assert re.match(r"total[\d.]+ ms$", rows[-2])


def test_accuracy_stands_beside_that_on_unseen_sources(open_page: OpenPage) -> None:
    page = open_page()
    shipped, cautious = page.locator("#cards article").all()
    expect(shipped.locator("thead").first).to_contain_text(
        re.compile("Unseen sources.*Its own sources")
    )
    assert len(re.findall(r"\d\d\.\d% \[", shipped.locator("tbody tr").first.inner_text())) == 2
    expect(cautious.locator("tbody tr").first).to_contain_text("not measured")
    shipped.get_by_text("The whole model card").click()
    expect(shipped.get_by_role("heading", name="Not to be used")).to_be_visible()
    expect(page.locator("#notice")).to_contain_text("not what a person feels")
    expect(page.locator("#purpose")).to_have_text("research")


def test_two_faces_are_chosen_by_tab_and_by_box(
    open_page: OpenPage, pictures: dict[str, Path]
) -> None:
    page = open_page()
    give(page, pictures["two"])
    faces = page.get_by_role("tablist", name="Faces").get_by_role("tab")
    expect(faces).to_have_count(2)
    expect(faces.nth(0)).to_have_attribute("aria-selected", "true")
    first = page.locator(".verdict strong").inner_text()
    faces.nth(1).click()
    expect(page.locator(".verdict strong")).not_to_have_text(first)
    expect(page.get_by_alt_text("Face 2, turned level and cut out")).to_be_visible()
    page.locator(".mark[data-face='0'] .box").click()
    expect(faces.nth(0)).to_have_attribute("aria-selected", "true")
    expect(page.locator(".mark.chosen")).to_have_attribute("data-face", "0")
    expect(page.locator(".verdict strong")).to_have_text(first)


def test_boxes_lie_on_the_faces(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    give(page, pictures["two"])
    picture, first, second = (
        page.locator(where).bounding_box()
        for where in (
            ".step-2 .photo",
            ".mark[data-face='0'] .edge",
            ".mark[data-face='1'] .edge",
        )
    )
    assert picture
    assert first
    assert second
    half = picture["x"] + picture["width"] / 2
    assert second["x"] + second["width"] < half < first["x"]  # the larger face is the right one
    for box in (first, second):
        assert picture["y"] < box["y"] < picture["y"] + picture["height"] / 2


def test_turned_picture_is_shown_upright(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    give(page, pictures["turned"])
    expect(page.locator(".step-1")).to_contain_text("512 \N{MULTIPLICATION SIGN} 600 pixels")
    size = page.locator(".step-2 .photo").evaluate("i => [i.naturalWidth, i.naturalHeight]")
    assert size == [512, 600]
    expect(page.locator(".marks")).to_have_attribute("viewBox", "0 0 512 600")


def test_no_face(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    give(page, pictures["none"])
    expect(page.locator(".step-2 .why")).to_contain_text("No face was found")
    expect(page.locator(".step-2 .why")).to_contain_text("Try a picture")
    assert page.locator(".step.missed h3").all_text_contents() == STEPS[2:]
    expect(page.locator("#status")).to_contain_text("none.png: No face was found")


def test_unreadable_file(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    give(page, pictures["broken"])
    expect(page.locator(".step-1 .why")).to_contain_text("cannot be read as a picture")
    assert page.locator(".step.missed h3").all_text_contents() == STEPS[1:]


def test_failed_detector(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    answered(page, lambda told: told.update(faces=[], reason="detector_failed", message="oh"))
    give(page, pictures["one"])
    expect(page.locator(".step-2 .why")).to_contain_text("a fault of the program")
    expect(page.locator(".step-2 .why")).to_contain_text("In the service's words: oh")


def test_unlikely_landmarks(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    nothing = dict.fromkeys(("chip", "input", "probabilities", "expression", "confidence"))
    told = {"abstained": True, "reason": "bad_landmarks", "message": None} | nothing
    answered(page, lambda answer: answer["faces"][0].update(told))
    give(page, pictures["one"])
    expect(page.locator(".step-3 .why")).to_contain_text("turned level and cut out")
    assert page.locator(".step.missed h3").all_text_contents() == STEPS[3:]


def test_every_abstention_is_told_in_plain_words(
    open_page: OpenPage, pictures: dict[str, Path]
) -> None:
    page = open_page()
    face: dict[str, Any] = {}
    answered(page, lambda answer: answer["faces"][0].update(face, abstained=True))
    cases = {
        ("extreme_pose", "yaw -71 degrees, the most is 65"): "by about 71 degrees",
        ("extreme_pose", "pitch 44 degrees, the most is 40"): "up or down by about 44 degrees",
        ("low_quality", "size 8.21, the least is 10"): "8 pixels wide, and the model needs 10",
        ("low_quality", "exposure 0.02, the least is 0.03"): "It is too dark",
        ("low_quality", "exposure 0.97, the most is 0.95"): "It is too bright",
        ("low_quality", "contrast 0.03, the least is 0.04"): "too little contrast",
        ("low_quality", "occlusion 0.61, the most is 0.5"): "covered: about 61%, at most 50%",
        ("low_confidence", None): "this model stands behind an answer from 53.53% on",
        ("news", None): "for a reason that this page does not know",
    }
    for (reason, message), words in cases.items():
        face.update(reason=reason, message=message)
        give(page, pictures["one"])
        note = page.locator(".step-5 .why")
        expect(note).to_contain_text("No answer:")
        expect(note).to_contain_text(words)
        expect(page.locator(".verdict")).to_have_count(0)
        expect(page.locator(".bars.unsure")).to_be_visible()
        page.get_by_role("button", name="Remove all pictures").click()


def test_two_models_side_by_side(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    page.get_by_label("Compare two models").check()
    give(page, pictures["one"])
    for step in ("4", "5"):
        columns = page.locator(f".step-{step} .columns > div")
        expect(columns).to_have_count(2)
        left, right = (column.bounding_box() for column in columns.all())
        assert left
        assert right
        assert left["x"] + left["width"] <= right["x"]
    assert page.locator(".step-5 h4").all_text_contents() == ["mien-ferplus-1.0", "cautious"]
    expect(page.locator(".step-4 .columns > div").nth(1)).to_contain_text("not measured")
    expect(page.locator(".step-5 .columns > div").nth(0)).to_contain_text("Apparent expression")
    expect(page.locator(".step-5 .columns > div").nth(1)).to_contain_text("No answer")


def test_another_model_answers_for_the_picture_that_is_shown(
    open_page: OpenPage, pictures: dict[str, Path]
) -> None:
    page = open_page()
    give(page, pictures["one"])
    expect(page.locator(".verdict")).to_be_visible()
    page.get_by_label("Model", exact=True).select_option("cautious")
    expect(page.locator(".step-5 .why")).to_contain_text("No answer")
    page.get_by_label("Compare two models").check()
    expect(page.locator(".step-5 .columns > div")).to_have_count(2)
    page.get_by_label("Compare two models").uncheck()
    expect(page.locator(".step-5 .columns > div")).to_have_count(1)


def test_several_pictures(open_page: OpenPage, pictures: dict[str, Path]) -> None:
    page = open_page()
    give(page, pictures["one"], pictures["none"], pictures["happy"])
    tabs = page.get_by_role("tablist", name="Pictures").get_by_role("tab")
    expect(tabs).to_have_count(3)
    tabs.nth(2).click()
    expect(page.locator("#results-title")).to_have_text("Results: happy.jpg")
    expect(page.locator(".verdict strong")).to_have_text("5-happy")
    page.keyboard.press("ArrowLeft")
    expect(tabs.nth(1)).to_be_focused()
    expect(page.locator(".step-2 .why")).to_contain_text("No face was found")


def test_faces_that_the_service_left_out_are_told(
    open_page: OpenPage, pictures: dict[str, Path]
) -> None:
    page = open_page()
    answered(page, lambda told: told.update(faces_omitted=3))
    give(page, pictures["one"])
    expect(page.locator(".step-2")).to_contain_text("3 more were found")
