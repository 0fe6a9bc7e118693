// The little of Markdown that a model card uses, as elements. No HTML, no links, no pictures.

import { el } from "./dom.js";

/** Returns the elements of a text; its top heading becomes one of the given level. */
export function markdown(text, level) {
  const lines = text.replace(/^---\n[\s\S]*?\n---\n/, "").split("\n");
  const out = [];
  let at = 0;
  const block = (test) => {
    const found = [];
    while (at < lines.length && test(lines[at])) found.push(lines[at++]);
    return found;
  };
  while (at < lines.length) {
    const line = lines[at];
    const heading = /^(#{1,6}) +(.*)$/.exec(line);
    if (heading) {
      at += 1;
      const tag = `h${Math.min(6, heading[1].length + level - 1)}`;
      out.push(el(tag, {}, inline(heading[2])));
    } else if (line.startsWith("|")) {
      out.push(table(block((one) => one.startsWith("|"))));
    } else if (line.startsWith("```")) {
      at += 1;
      out.push(el("pre", {}, block((one) => !one.startsWith("```")).join("\n")));
      at += 1;
    } else if (isItem(line)) {
      out.push(list(block((one) => isItem(one) || /^ +\S/.test(one))));
    } else if (line.trim() === "") {
      at += 1;
    } else {
      const words = block((one) => one.trim() !== "" && !/^(#|\||```)/.test(one) && !isItem(one));
      if (words.length === 0) words.push(lines[at++]); // a # that is no heading
      out.push(el("p", {}, inline(words.join(" "))));
    }
  }
  return out;
}

function isItem(line) {
  return /^ *([-*]|\d+\.) +/.test(line);
}

function list(lines) {
  const items = [];
  for (const line of lines) {
    if (isItem(line)) items.push(line.replace(/^ *([-*]|\d+\.) +/, ""));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  const tag = /^ *\d/.test(lines[0]) ? "ol" : "ul";
  return el(tag, {}, items.map((item) => el("li", {}, inline(item))));
}

function table(lines) {
  const rows = lines
    .filter((line) => !/^\|[\s:|-]+\|?$/.test(line) || line.replace(/[\s|]/g, "") === "")
    .map((line) => line.replace(/^\||\|\s*$/g, "").split("|").map((cell) => cell.trim()));
  const [head, ...body] = rows;
  const row = (cells, tag) => el("tr", {}, cells.map((cell) => el(tag, {}, inline(cell))));
  const filled = head.some((cell) => cell !== "");
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" },
    el(
      "table",
      { class: "figures grid" },
      filled ? el("thead", {}, row(head, "th")) : null,
      el("tbody", {}, body.map((cells) => row(cells, "td"))),
    ),
  );
}

function inline(text) {
  return text
    .split(/(\*\*[^*]+\*\*|`[^`]+`|\[[^\]]+\]\([^)]+\))/)
    .filter((part) => part !== "")
    .map((part) => {
      if (part.startsWith("**")) return el("strong", {}, part.slice(2, -2));
      if (part.startsWith("`")) return el("code", {}, part.slice(1, -1));
      return part.replace(/^\[([^\]]+)\]\([^)]+\)$/, "$1").replace(/(^|\W)\*([^*]+)\*(?=\W|$)/g, "$1$2");
    });
}
