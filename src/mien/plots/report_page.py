"""A report as two files that say the same: a page with its figures inside, and Markdown.

The Markdown of the sections comes first and the page is made from it, so that they cannot differ.
HTML in that Markdown is shown, never obeyed, and its links to pictures are left out: the only
pictures are those that a section names.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import PIL.Image

from mien.core.artifact import atomic
from mien.plots.pages import write_page

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|~&!#])")
_IMAGE: Final = re.compile(r"!\[[^\]]*\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure or a small picture.

    Attributes:
        path: the PNG, in the folder of the report's figures.
        alt: what it shows, with the numbers, for those who cannot see it.
        caption: what to read below it; none for the empty text.
    """

    path: Path
    alt: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Gallery:
    """Small pictures side by side."""

    pictures: tuple[Picture, ...]


Block = str | Picture | Gallery


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report.

    Attributes:
        title: its heading.
        blocks: Markdown and pictures, in their order; headings in it start at the third level.
    """

    title: str
    blocks: tuple[Block, ...]

    @property
    def name(self) -> str:
        """The anchor, as readers of Markdown make it from the title."""
        return "-".join(re.findall(r"[a-z0-9]+", self.title.lower()))


@dataclass(frozen=True, slots=True)
class Report:
    """What both files hold.

    Attributes:
        title: the one heading of the first level.
        lead: paragraphs above the contents.
        notes: warnings to stand before all else.
        sections: the parts.
    """

    title: str
    lead: tuple[str, ...]
    notes: tuple[str, ...]
    sections: tuple[Section, ...]


def write(path: Path, report: Report) -> Path:
    """Writes the page, atomically, and the Markdown beside it.

    Args:
        path: the HTML file; the Markdown has the same name with ``.md``.
        report: what they hold; its pictures lie in folders beside ``path``.

    Returns:
        ``path``.

    Raises:
        MissingExtraError: Jinja2 is not installed.
    """
    with atomic(path.with_suffix(".md"), "w") as file:
        file.write(_markdown(report, path.parent))
    return write_page(
        path,
        "report.html.j2",
        title=report.title,
        notes=report.notes,
        lead=report.lead,
        sections=[
            {"name": part.name, "title": part.title, "html": "".join(_html_parts(part))}
            for part in report.sections
        ],
    )


def plain(text: object) -> str:
    """Returns a text from elsewhere (a path, a label) such that Markdown takes it as it stands."""
    one_line = " ".join(str(text).split())
    return _SPECIAL.sub(r"\\\1", "".join(c for c in one_line if c.isprintable()))


def part_of(text: str) -> str:
    """Returns a Markdown page as a part of a report.

    Its title and its pictures are left out, and its other headings go down by one level.
    """
    lines = [line for line in _IMAGE.sub("", text).splitlines() if not line.startswith("# ")]
    return "\n".join("#" + line if line.startswith("##") else line for line in lines).strip()


def body_of(text: str) -> str:
    """Returns `part_of` a page without its first heading, for a section that has it as title."""
    first, _, rest = part_of(text).partition("\n")
    return rest.strip() if first.startswith("#") else f"{first}\n{rest}"


def _markdown(report: Report, folder: Path) -> str:
    contents = [f"- [{part.title}](#{part.name})" for part in report.sections]
    parts = [f"# {plain(report.title)}", *(f"> {note}" for note in report.notes)]
    parts += [*map(plain, report.lead), "## Contents", "\n".join(contents)]
    for section in report.sections:
        parts.append(f"## {section.title}")
        for block in section.blocks:
            pictures = block.pictures if isinstance(block, Gallery) else (block,)
            for one in pictures:
                parts += [one] if isinstance(one, str) else _linked(one, folder)
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _linked(picture: Picture, folder: Path) -> list[str]:
    place = picture.path.relative_to(folder).as_posix()
    caption = [plain(picture.caption)] if picture.caption else []
    return [f"![{plain(picture.alt)}](<{place}>)", *caption]


def _html_parts(section: Section) -> Iterator[str]:
    reader = _reader()
    heading = section.title
    for block in section.blocks:
        if isinstance(block, Picture):
            yield _figure(block)
        elif isinstance(block, Gallery):
            yield f'<div class="cards">{"".join(map(_figure, block.pictures))}</div>'
        else:
            tokens = reader.parse(block)
            heading = _accessible(tokens, heading)
            yield reader.renderer.render(tokens, reader.options, {})


def _figure(picture: Picture) -> str:
    with PIL.Image.open(picture.path) as image:
        width, height = image.size
    content = base64.b64encode(picture.path.read_bytes()).decode()
    caption = f"<figcaption>{escape(picture.caption)}</figcaption>" if picture.caption else ""
    return (
        f'<figure><img src="data:image/png;base64,{content}" alt="{escape(picture.alt)}" '
        f'width="{width * 2 // 3}" height="{height * 2 // 3}">{caption}</figure>\n'
    )


def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt  # it comes with rich

    # Markdown written by other stages may link pictures that do not travel with the page.
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    reader.add_render_rule("table_open", _table_open)
    reader.add_render_rule("table_close", _table_close)
    return reader


def _table_open(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    name = escape(str(tokens[index].meta["name"]))
    # What can be scrolled must be reachable with the keyboard, and then needs a name.
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{name}">\n<table>\n'


def _table_close(*_: Any) -> str:
    return "</table>\n</div>\n"


def _accessible(tokens: list[Token], heading: str) -> str:
    """Gives tables a name, heads with a scope and classes for numbers; returns the last heading."""
    row_starts = body = False
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = tokens[place + 1].content.replace("`", "")
        elif token.type == "table_open":
            token.meta = {"name": f"table: {heading}"}
            body = False
        elif token.type == "tbody_open":
            body = True
        elif token.type == "tr_open":
            row_starts = body
        elif token.type in ("td_open", "th_open"):
            _head_or_cell(tokens, place, row_starts)
            row_starts = False
    _drop_empty_heads(tokens)
    return heading


def _head_or_cell(tokens: list[Token], place: int, row_starts: bool) -> None:
    """Makes the first cell of a row its head; a style becomes a class."""
    token = tokens[place]
    if "right" in str(token.attrs.pop("style", "")):
        token.attrSet("class", "number")
    if token.type == "th_open":
        token.attrSet("scope", "col")
    elif row_starts:
        token.tag = tokens[place + 2].tag = "th"
        token.attrSet("scope", "row")


def _drop_empty_heads(tokens: list[Token]) -> None:
    """Takes out the head of a table that has no words in it."""
    opens = [i for i, token in enumerate(tokens) if token.type == "thead_open"]
    for start in reversed(opens):
        end = next(i for i in range(start, len(tokens)) if tokens[i].type == "thead_close")
        if not any(token.content for token in tokens[start:end]):
            del tokens[start : end + 1]
