// The five steps of the thesis, from the picture to the apparent expression.

import { bars, times } from "./bars.js";
import { el, svg } from "./dom.js";
import { accuracies } from "./model.js";
import { marked, picture } from "./overlay.js";
import { milliseconds, percent, refusal, titled } from "./words.js";

const TITLES = [
  "Image",
  "Face and landmarks",
  "Warped and cropped",
  "Network",
  "Classification",
];

/** Returns step 1: the picture. */
export function stepImage(entry, answer) {
  const told = answer?.width ? `${answer.width} × ${answer.height} pixels, upright` : null;
  return step(
    1,
    el(
      "div",
      { class: "stack" },
      el("div", { class: "fit" }, picture(entry.url, `The picture ${entry.name}`, answer)),
    ),
    answer?.reason === "unreadable" ? why(refusal("unreadable", answer), answer.message) : null,
    told && el("p", { class: "quiet small" }, told),
  );
}

/** Returns step 2: every face with its box, number and points. */
export function stepFaces(entry, answer, choose) {
  if (answer.faces.length === 0) {
    return answer.reason === "unreadable"
      ? notReached(2)
      : step(2, why(refusal(answer.reason, answer), answer.message));
  }
  const count = answer.faces.length;
  const more = answer.faces_omitted
    ? ` ${answer.faces_omitted} more were found than this service answers in one picture.`
    : "";
  const how = count > 1 ? " Click or tap a box, or choose above." : "";
  return step(
    2,
    marked(entry.url, answer, choose),
    el(
      "p",
      { class: "quiet small" },
      `${count === 1 ? "One face" : `${count} faces`}, found by ${answer.faces[0].detector}.${how}${more}`,
    ),
  );
}

/** Returns step 3: the face turned level and cut out, and what of it the network is given. */
export function stepCrop(face, size) {
  if (!face?.chip) {
    return face?.reason === "bad_landmarks"
      ? step(3, why(refusal(face.reason, face), face.message))
      : notReached(3);
  }
  const shown = (data, alt, words, kind) =>
    el(
      "figure",
      {},
      el("img", { src: `data:image/png;base64,${data}`, alt, class: `chip ${kind}` }),
      el("figcaption", { class: "quiet small" }, words),
    );
  const number = face.index + 1;
  return step(
    3,
    el(
      "div",
      { class: "chips" },
      shown(face.chip, `Face ${number}, turned level and cut out`, "turned level, cut out", "wide"),
      face.input &&
        el("span", { class: "arrow", "aria-hidden": "true" }, "→"),
      face.input &&
        shown(
          face.input,
          `Face ${number} as the network gets it`,
          `the network's input${size ? `, ${size} × ${size}` : ""}`,
          "input",
        ),
    ),
  );
}

/** Returns step 4: the networks, one a column. */
export function stepNetworks(columns) {
  return columns.some(({ face }) => face?.probabilities)
    ? step(4, el("div", { class: "columns" }, columns.map(network)))
    : notReached(4);
}

/** Returns step 5: what each made of the face. */
export function stepClasses(columns) {
  return columns.some(({ face }) => face?.probabilities)
    ? step(5, el("div", { class: "columns" }, columns.map(classes)))
    : notReached(5);
}

/** Returns what each stage took. */
export function stepTimes(columns) {
  const several = columns.length > 1;
  return el(
    "div",
    { class: "card" },
    el("h3", {}, "Time per stage"),
    el(
      "div",
      { class: "columns" },
      columns.map((column) =>
        el("div", {}, several ? el("h4", {}, column.name) : null, times(column.answer)),
      ),
    ),
  );
}

/** Returns a step that is still being worked on. */
export function stepWaiting(number) {
  return step(number, el("div", { class: "working", "aria-hidden": "true" }));
}

/** Returns title, what happened, advice, and the service's own words. */
export function why({ title, happened, advice }, message) {
  return el(
    "div",
    { class: "why" },
    el("p", { class: "why-title" }, title),
    el("p", {}, happened),
    el("p", {}, advice),
    message && el("p", { class: "quiet small own" }, `In the service's words: ${message}`),
  );
}

function step(number, ...content) {
  return el(
    "li",
    { class: `card step step-${number}` },
    el(
      "h3",
      {},
      el("span", { class: "badge" }, String(number)),
      el("span", {}, TITLES[number - 1]),
    ),
    ...content,
  );
}

function notReached(number) {
  const node = step(number, el("p", { class: "quiet" }, "Not reached."));
  node.classList.add("missed");
  return node;
}

function network({ name, card, answer, several }) {
  const facts = [
    ["Network", card?.network],
    ["Model", name],
    ["Input", card && `${card.input.size} × ${card.input.size}, ${card.input.colour === "grey" ? "grey" : "colour"}`],
    ["Size", card && `${card.megabytes.toFixed(1)} MB`],
    ["Time", milliseconds(answer.timings_ms.network)],
  ];
  return el(
    "div",
    {},
    several ? el("h4", {}, name) : null,
    layers(),
    el(
      "dl",
      { class: "facts" },
      facts.filter(([, value]) => value).map(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]).flat(),
    ),
    card && accuracies(card),
  );
}

function layers() {
  const sheets = [0, 1, 2, 3].map((i) =>
    svg("rect", { x: 34 + 24 * i, y: 8 + 4 * i, width: 14, height: 48 - 8 * i, rx: 2, class: "layer" }),
  );
  const outputs = [...Array(7).keys()].map((i) =>
    svg("circle", { cx: 148, cy: 8 + 8 * i, r: 2.6, class: "output" }),
  );
  return svg(
    "svg",
    { viewBox: "0 0 160 64", class: "layers", "aria-hidden": "true" },
    svg("path", { d: "M26 32H32M128 32H142", class: "flow" }),
    svg("rect", { x: 4, y: 22, width: 20, height: 20, rx: 3, class: "given" }),
    sheets,
    outputs,
  );
}

function classes({ name, card, face, several }) {
  if (!face?.probabilities) {
    return el(
      "div",
      { class: "classes" },
      several ? el("h4", {}, name) : null,
      why(refusal(face?.reason ?? null, face ?? {}), face?.message),
    );
  }
  const least = card?.thresholds?.low_confidence ?? null;
  return el(
    "div",
    { class: "classes" },
    several ? el("h4", {}, name) : null,
    face.abstained ? unanswered(face, least) : answered(face),
    bars(face, `Probability of each class for face ${face.index + 1}, by ${name}`),
  );
}

function answered(face) {
  return el(
    "p",
    { class: "verdict" },
    el("span", { class: "quiet" }, "Apparent expression"),
    el("strong", {}, titled(face.expression)),
    el("span", { class: "sure" }, percent(face.confidence)),
  );
}

function unanswered(face, least) {
  const told = refusal(face.reason, { ...face, least });
  const note = why({ ...told, title: `No answer: ${told.title.charAt(0).toLowerCase()}${told.title.slice(1)}` });
  note.append(
    el("p", { class: "quiet small" }, "The bars are what the network gave all the same. Do not rely on them."),
  );
  return note;
}
