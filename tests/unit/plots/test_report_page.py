"""The page of a report and its Markdown: the same words, safe, and open to everyone."""

from __future__ import annotations

import html.parser
import itertools
import re
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from mien.plots.report_page import (
    Gallery,
    Picture,
    Report,
    Section,
    body_of,
    part_of,
    plain,
    write,
)

pytest.importorskip("jinja2")

EVIL = '"><script>alert(1)</script>|*a*\n![x](http://evil/x.png)'


class Seen(html.parser.HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in names]


def check_page(text: str) -> Seen:
    """Checks what holds for every report: nothing is loaded, and everyone can read it."""
    seen = Seen(text)
    assert {"default-src 'none'"} <= {
        (a.get("content") or "").split(";")[0] for a in seen.all("meta")
    }
    assert not seen.all("script", "link", "iframe", "object", "embed", "form", "base", "video")
    assert len(seen.all("h1")) == len(seen.all("main")) == 1
    assert seen.all("html")[0]["lang"] == "en"
    for tag, attrs in seen.tags:
        assert not [name for name in attrs if name.startswith("on")], tag
        assert attrs.keys().isdisjoint({"srcset", "background", "action", "style"}), tag
    for image in seen.all("img"):
        assert (image["src"] or "").startswith("data:image/png;base64,")
        assert image["alt"]
    assert "url(" not in text
    assert "@import" not in text
    ids = [attrs["id"] for _, attrs in seen.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for link in seen.all("a"):
        target = link["href"] or ""
        assert target.startswith("https://") or target.removeprefix("#") in ids
    assert seen.all("a")[0] == {"class": "skip", "href": "#content"}
    assert all(head.get("scope") in ("col", "row") for head in seen.all("th"))
    regions = [a for a in seen.all("div") if a.get("class") == "scroll"]
    assert len(regions) == len(seen.all("table"))
    assert all(a["tabindex"] == "0" and a["aria-label"] for a in regions)
    levels = [int(tag[1]) for tag, _ in seen.tags if re.fullmatch("h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels)), levels
    return seen


def make_picture(path: Path) -> Path:
    PIL.Image.new("RGB", (30, 20), (200, 10, 10)).save(path)
    return path


def test_a_page_and_its_markdown(tmp_path: Path) -> None:
    place = tmp_path / "report-figures"
    place.mkdir()
    figure = Picture(make_picture(place / "a.png"), 'A "figure": 3 of 4 | 75', "below <b>")
    small = Picture(make_picture(place / "b.png"), "small")
    table = f"| head | n |\n| --- | ---: |\n| {plain(EVIL)} | 3 |"
    empty = "| | |\n|---|---|\n| key | value |"
    first = Section("First: one, two", (f"### Sub `code`\n\n{table}\n\n{empty}", figure))
    parts = (first, Section("Second", (Gallery((small, small)), "see <https://a.example/>")))
    report = Report("Report on <i>", ("a line",), ("do not publish",), parts)
    out = write(tmp_path / "report.html", report)
    seen = check_page(out.read_text())
    assert "Report on <i>" in seen.words
    assert [len(seen.all(tag)) for tag in ("section", "table", "thead", "img")] == [2, 2, 1, 3]
    assert {"class": "number"} in seen.all("td")
    assert [a["aria-label"] for a in seen.all("div") if "tabindex" in a] == ["table: Sub code"] * 2
    assert seen.all("section")[0]["id"] == "first-one-two"
    assert 'alt="A &quot;figure&quot;: 3 of 4 | 75"' in out.read_text()
    assert any("<script>alert(1)</script>|*a* ![x](http://evil/x.png)" in w for w in seen.words)
    told = out.with_suffix(".md").read_text()
    assert told.startswith("# Report on \\<i\\>\n\n> do not publish\n\na line\n\n## Contents\n")
    assert "- [First: one, two](#first-one-two)" in told
    assert "(<report-figures/a.png>)\n\nbelow \\<b\\>" in told
    assert told.count("![small](<report-figures/b.png>)") == 2


def test_markdown_from_elsewhere_gains_no_power(tmp_path: Path) -> None:
    text = (
        "<img src=http://evil/x.png onerror=alert(1)>\n\n![x](http://evil/y.png)\n\n"
        "[go](javascript:alert(1)) [data](data:text/html,x) <script>alert(2)</script>\n\n"
        "![z][ref]\n\n[ref]: http://evil/z.png"
    )
    out = write(tmp_path / "a.html", Report("R", (), (), (Section("S", (text,)),)))
    page = out.read_text()
    seen = Seen(page)
    assert not seen.all("img", "script")
    assert not [a for a in seen.all("a") if not (a["href"] or "").startswith(("#", "http://evil"))]


def test_plain_text_stays_as_it_is() -> None:
    assert plain("a_b*c|d\n\te") == "a\\_b\\*c\\|d e"
    assert plain("x\u202egnp.exe\x00") == "xgnp.exe"
    assert plain(3) == "3"


def test_a_page_becomes_a_part() -> None:
    page = "# Title\n\nwords\n\n![a](b.png)\n\n## One\n\n### Two\n\n- # no heading"
    assert part_of(page) == "words\n\n\n\n### One\n\n#### Two\n\n- # no heading"
    assert body_of("## Limits\n\n- one") == "- one"
    assert body_of("words\n\n## One") == "words\n\n### One"
