// What `/v1/follow` told of the last seconds: a drawing a person, and the same in words.

import { el, svg } from "./dom.js";
import { percent } from "./words.js";

const MOST = 3; // people that are drawn
const HEIGHT = 72; // pixels of the stack
const BAND = 7; // of the band below it that shows which class leads
const LETTER = 6.6; // pixels of a letter of a label
const SAME = 1; // seconds; a change told again is found a little earlier or later
const GONE = 3; // seconds; a busy service sees a frame now and then only

/**
 * Draws the people who are there now, then those seen last.
 *
 * @param {HTMLElement} root
 * @param {{people: object[], classes: object[]}} found the service's answer
 * @param {{now: number, span: number, face: (box: number[]) => Element}} view
 */
export function drawTimelines(root, found, view) {
  const order = (one, other) => other.last - one.last || other.times.length - one.times.length;
  const shown = [...found.people].sort(order).slice(0, MOST);
  const more = found.people.length - shown.length;
  const gone = (one) => Number(one.last < view.now - GONE);
  const here = (one, other) => gone(one) - gone(other) || one.person - other.person;
  const width = Math.max(200, root.clientWidth);
  root.replaceChildren(
    legend(found.classes),
    ...shown.sort(here).map((one) => person(one, found.classes, { ...view, width })),
    more > 0 ? el("p", { class: "quiet small" }, `Not drawn: ${more} more, seen less.`) : "",
    shown.length ? "" : el("p", { class: "quiet" }, "Nobody was seen long enough yet."),
  );
}

/**
 * Returns what is new, for those who listen; what was told is added to `told`.
 *
 * A change is known by its class and time, for people are numbered anew as the window moves on.
 */
export function changes(found, now, told) {
  const words = [];
  const here = found.people.filter((one) => one.last > now - GONE).length;
  if (told.here !== here) {
    words.push(here === 0 ? "Nobody is seen." : here === 1 ? "One person is seen." : `${here} people are seen.`);
    told.here = here;
  }
  for (const { person, events } of found.people) {
    for (const { before, after, onset } of events) {
      const known = (one) => one.after === after && Math.abs(one.onset - onset) < SAME;
      if (told.some(known)) continue;
      told.push({ after, onset });
      words.push(`Person ${person + 1}: ${before}, then ${after}.`);
    }
  }
  return words.join(" ");
}

/** Returns a face of a frame, small; `mirrored` as the preview is. */
export function thumbnail(shot, [x1, y1, x2, y2], mirrored) {
  const side = 48;
  const canvas = el("canvas", { width: side, height: side, class: "who", "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  if (mirrored) {
    context.translate(side, 0);
    context.scale(-1, 1);
  }
  const length = 1.1 * Math.max(x2 - x1, y2 - y1);
  context.drawImage(shot, (x1 + x2 - length) / 2, (y1 + y2 - length) / 2, length, length, 0, 0, side, side);
  return canvas;
}

function legend(classes) {
  const item = ({ id, name }) =>
    el("li", {}, el("span", { class: `swatch shade-${id}`, "aria-hidden": "true" }), name);
  return el("ul", { class: "legend small", "aria-label": "Classes, from the bottom up" }, classes.map(item));
}

function person(one, classes, view) {
  const place = classes.findIndex(({ name }) => name === one.expressions.at(-1));
  const share = one.probabilities.at(-1)[place];
  const ago = view.now - one.last;
  const here = ago < 0.001;
  const said = here
    ? ["now ", el("strong", {}, one.expressions.at(-1)), ` ${percent(share, 0)}`]
    : [`last seen ${Math.max(1, Math.round(ago))} s ago`];
  return el(
    "article",
    { class: "person" },
    el(
      "div",
      { class: "person-head" },
      here ? view.face(one.boxes.at(-1)) : null,
      el("div", { class: "person-name" }, el("h4", {}, `Person ${one.person + 1}`), el("p", {}, said)),
    ),
    drawing(one, classes, view),
    el("ul", { class: "changes small", "aria-label": "Changes" }, told(one, view.now)),
  );
}

function told(one, now) {
  if (one.events.length === 0) return el("li", { class: "quiet" }, "no change");
  return one.events
    .slice(-3)
    .reverse()
    .map(({ before, after, onset, confidence }) =>
      el("li", {}, `${Math.max(0, Math.round(now - onset))} s ago: ${before} → ${after}, ${percent(confidence, 0)}`),
    );
}

function drawing(one, classes, view) {
  const { now, span, width } = view;
  const x = (time) => Number((((time - now + span) / span) * width).toFixed(1));
  const whole = HEIGHT + BAND + 34;
  return svg(
    "svg",
    { class: "timeline", viewBox: `0 0 ${width} ${whole}`, role: "img", "aria-label": summary(one, now) },
    svg("rect", { x: 0, y: 0, width, height: HEIGHT, class: "ground" }),
    classes.map(({ id }, place) => svg("path", { d: area(one, place, x), class: `area shade-${id}` })),
    runs(one.boxes.map((box) => box === null))
      .filter(({ value }) => value)
      .map(({ first, end }) => lost(x(one.times[first]), x(one.times[Math.min(end, one.times.length - 1)]))),
    [10, 20].map((ago) => svg("line", { x1: x(now - ago), x2: x(now - ago), y1: 0, y2: HEIGHT, class: "tick-line" })),
    runs(one.expressions).map((run) => band(run, one.times, classes, x)),
    one.events.map(({ onset }) => change(x(onset))),
    svg("text", { x: 0, y: whole - 2, class: "axis" }, `${span} s ago`),
    svg("text", { x: width, y: whole - 2, class: "axis end" }, "now"),
  );
}

/** The area of one class: from the sum of those before it to that with it, frame by frame. */
function area(one, place, x) {
  const level = (row, count) => row.slice(0, count).reduce((sum, share) => sum + share, 0);
  const y = (share) => (HEIGHT * (1 - Math.min(1, share))).toFixed(1);
  const edge = (count) => one.probabilities.map((row, i) => `${x(one.times[i])},${y(level(row, count))}`);
  return `M${edge(place + 1).join("L")}L${edge(place).reverse().join("L")}Z`;
}

function lost(from, to) {
  return svg("rect", { x: from, y: 0, width: Math.max(1, to - from), height: HEIGHT, class: "lost" });
}

function band({ value, first, end }, times, classes, x) {
  const from = x(times[first]);
  const wide = Math.max(1, x(times[Math.min(end, times.length - 1)]) - from);
  const { id } = classes.find(({ name }) => name === value);
  return svg(
    "g",
    {},
    svg("rect", { x: from, y: HEIGHT + 3, width: wide, height: BAND, class: `lead shade-${id}` }),
    wide > LETTER * value.length
      ? svg("text", { x: from + wide / 2, y: HEIGHT + BAND + 16, class: "name" }, value)
      : null,
  );
}

function change(at) {
  return svg(
    "g",
    { class: "change" },
    svg("line", { x1: at, x2: at, y1: 0, y2: HEIGHT + 3 + BAND }),
    svg("path", { d: `M${at - 5},0H${at + 5}L${at},8Z` }),
  );
}

/** Equal values in a row: from `first` up to but without `end`. */
function runs(values) {
  const found = [];
  values.forEach((value, i) => {
    if (found.at(-1)?.value === value) found.at(-1).end = i + 1;
    else found.push({ value, first: i, end: i + 1 });
  });
  return found;
}

function summary(one, now) {
  const seconds = Math.round(one.last - one.first);
  const counts = new Map();
  for (const name of one.expressions) counts.set(name, (counts.get(name) ?? 0) + 1);
  const [[name, count]] = [...counts].sort(([, some], [, others]) => others - some);
  const since = one.events.length === 1 ? "1 change" : `${one.events.length} changes`;
  const seen = one.last < now - GONE ? `last seen ${Math.round(now - one.last)} s ago` : `now ${one.expressions.at(-1)}`;
  return (
    `Person ${one.person + 1}, seen for ${seconds} s: mostly ${name} ` +
    `(${percent(count / one.expressions.length, 0)} of the frames), ${since}, ${seen}.`
  );
}
