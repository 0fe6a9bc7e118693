// The thesis's bars, and the time of each stage.

import { el } from "./dom.js";
import { milliseconds, percent, titled } from "./words.js";

/** Returns a row for each class: number and name, bar, percentage. */
export function bars(face, caption) {
  const top = face.expression?.id;
  const row = (one) => {
    const fill = el("span", { class: "fill" });
    fill.style.setProperty("--share", one.probability);
    return el(
      "tr",
      { class: one.id === top ? "best" : null },
      el("th", { scope: "row" }, titled(one)),
      el("td", { class: "bar" }, el("span", { class: "track", "aria-hidden": "true" }, fill)),
      el("td", { class: "share" }, percent(one.probability)),
    );
  };
  return el(
    "table",
    { class: face.abstained ? "bars unsure" : "bars" },
    el("caption", { class: "unseen" }, caption),
    el(
      "thead",
      { class: "unseen" },
      el(
        "tr",
        {},
        el("th", { scope: "col" }, "Class"),
        el("td"),
        el("th", { scope: "col" }, "Probability"),
      ),
    ),
    el("tbody", {}, face.probabilities.map(row)),
  );
}

const STAGES = [
  ["decode", "read the picture"],
  ["detect", "find faces"],
  ["align", "turn level and crop"],
  ["network", "run the network"],
  ["wait", "wait in the queue"],
];

/** Returns the milliseconds of each stage: a bar of parts, and a table. */
export function times(answer) {
  const spent = answer.timings_ms;
  const whole = Math.max(
    spent.total,
    STAGES.reduce((sum, [name]) => sum + spent[name], 0),
  );
  const strip = el("div", { class: "strip", "aria-hidden": "true" });
  for (const [name] of STAGES) {
    const part = el("span", { class: `part ${name}` });
    part.style.setProperty("--share", whole > 0 ? spent[name] / whole : 0);
    strip.append(part);
  }
  const rows = STAGES.map(([name, words]) =>
    timed(name, name, words, spent[name]),
  );
  const rest = spent.total - STAGES.reduce((sum, [name]) => sum + spent[name], 0);
  if (rest >= 0.01) rows.push(timed("", "rest", "checks, and writing the answer", rest));
  rows.push(
    el("tr", { class: "total" }, el("th", { scope: "row" }, "total"), el("td", {}, milliseconds(spent.total))),
    el(
      "tr",
      { class: "quiet" },
      el("th", { scope: "row" }, "there and back, as this page saw it"),
      el("td", {}, milliseconds(answer.roundTrip)),
    ),
  );
  const caption = el("caption", { class: "unseen" }, `Milliseconds by stage, ${answer.model.name}`);
  return el(
    "div",
    { class: "times" },
    strip,
    el("table", { class: "figures" }, caption, el("tbody", {}, rows)),
  );
}

function timed(colour, name, words, value) {
  return el(
    "tr",
    {},
    el(
      "th",
      { scope: "row" },
      el("span", { class: `swatch ${colour}`, "aria-hidden": "true" }),
      name,
      el("span", { class: "quiet" }, ` ${words}`),
    ),
    el("td", {}, milliseconds(value)),
  );
}
