// What is shown of the pictures: which of them, which of its faces, and the five steps.

import { byId, el, tabs } from "./dom.js";
import { highlight } from "./overlay.js";
import {
  stepClasses,
  stepCrop,
  stepFaces,
  stepImage,
  stepNetworks,
  stepTimes,
  stepWaiting,
} from "./steps.js";
import { percent, titled } from "./words.js";

/**
 * Draws all results.
 *
 * @param {{entries: object[], current: number, models: string[], cards: Map}} state
 * @param {{picture: (index: number) => void, again: (entry: object) => void}} on what was chosen
 */
export function drawResults(state, on) {
  byId("results").hidden = state.entries.length === 0;
  byId("skip-results").hidden = state.entries.length === 0;
  byId("drop").classList.toggle("brief", state.entries.length > 0);
  drawPictures(state, on);
  const entry = state.entries[state.current];
  if (entry) drawEntry(entry, state, on);
  else byId("picture").replaceChildren();
}

function drawPictures({ entries, current }, on) {
  const list = byId("pictures");
  const panel = byId("picture");
  list.hidden = entries.length < 2;
  if (entries.length < 2) {
    list.replaceChildren();
    for (const name of ["role", "aria-labelledby"]) panel.removeAttribute(name);
    return;
  }
  const focused = list.contains(document.activeElement);
  const buttons = entries.map((entry, index) =>
    el(
      "button",
      { type: "button", id: `picture-${entry.id}`, class: "thumb", "aria-controls": "picture" },
      el("img", { src: entry.url, alt: "" }),
      el("span", {}, `${index + 1}. ${entry.name}`),
    ),
  );
  list.setAttribute("aria-label", "Pictures");
  list.replaceChildren(...buttons);
  tabs(list, buttons, current, on.picture);
  panel.setAttribute("role", "tabpanel");
  panel.setAttribute("aria-labelledby", buttons[current].id);
  if (focused) buttons[current].focus();
}

function drawEntry(entry, state, on) {
  byId("results-title").textContent = `Results: ${entry.name}`;
  const panel = byId("picture");
  const answer = entry.answers.get(state.models[0]);
  if (entry.problem) {
    panel.replaceChildren(problem(entry, on));
  } else if (!state.models.every((name) => entry.answers.has(name))) {
    panel.replaceChildren(
      steps(stepImage(entry, null), stepWaiting(2), stepWaiting(3), stepWaiting(4), stepWaiting(5)),
    );
  } else if (answer.faces.length > 1) {
    drawFaces(panel, entry, state);
  } else {
    const parts = face(entry, 0, state, () => {});
    panel.replaceChildren(...parts);
    highlight(panel, 0);
  }
}

function drawFaces(panel, entry, state) {
  const answer = entry.answers.get(state.models[0]);
  const told = (index) => state.models.map((name) => verdict(entry.answers.get(name).faces[index], state.models.length > 1 && name)).flat();
  const list = el("div", { class: "faces", "aria-label": "Faces" });
  const box = el("div", { id: "face", role: "tabpanel" });
  const buttons = answer.faces.map((one) =>
    el(
      "button",
      { type: "button", id: `face-${one.index}`, "aria-controls": "face" },
      one.chip && el("img", { src: `data:image/png;base64,${one.chip}`, alt: "" }),
      el("span", {}, el("span", { class: "quiet" }, `Face ${one.index + 1}`), told(one.index)),
    ),
  );
  const choose = (index) => {
    const focused = list.contains(document.activeElement);
    entry.face = index;
    tabState(buttons, index);
    if (focused) buttons[index].focus();
    box.setAttribute("aria-labelledby", buttons[index].id);
    const old = box.querySelectorAll(".step-1, .step-2");
    const parts = face(entry, index, state, choose);
    if (old.length) {
      // the picture stays where it is: it neither flickers nor is decoded again
      for (const [i, node] of [...parts[0].querySelectorAll(".step-1, .step-2")].entries()) {
        node.replaceWith(old[i]);
      }
    }
    box.replaceChildren(...parts);
    highlight(box, index);
  };
  list.append(...buttons);
  tabs(list, buttons, entry.face, choose);
  panel.replaceChildren(list, box);
  choose(entry.face);
}

function tabState(buttons, chosen) {
  buttons.forEach((button, index) => {
    button.setAttribute("aria-selected", String(index === chosen));
    button.tabIndex = index === chosen ? 0 : -1;
  });
}

function verdict(face, by) {
  const sure = face && !face.abstained && face.expression;
  const words = sure ? `${titled(face.expression)} ${percent(face.confidence)}` : "no answer";
  return [
    by ? el("span", { class: "quiet by" }, by) : null,
    el("strong", { class: sure ? null : "unsure" }, words),
  ];
}

/** Returns the steps of one face, or of a picture without any. */
function face(entry, index, state, choose) {
  const columns = state.models.map((name) => {
    const answer = entry.answers.get(name);
    return {
      name,
      answer,
      card: state.cards.get(name),
      face: answer.faces[index] ?? null,
      several: state.models.length > 1,
    };
  });
  const { answer, card, face: shown } = columns[0];
  const list = steps(
    stepImage(entry, answer),
    stepFaces(entry, answer, choose),
    stepCrop(shown, card?.input.size),
    stepNetworks(columns),
    stepClasses(columns),
  );
  if (columns.length > 1) list.classList.add("compared");
  return [list, el("div", { class: "under" }, stepTimes(columns), shown && measures(shown))];
}

function steps(...items) {
  return el("ol", { class: "steps", role: "list" }, items);
}

function problem(entry, on) {
  return el(
    "div",
    { class: "note fault-note" },
    el("p", {}, `${entry.name}: ${entry.problem}`),
    el("button", { type: "button", on: { click: () => on.again(entry) } }, "Try again"),
  );
}

const QUALITIES = {
  size: ["Size", (v) => `${Math.round(v)} pixels`],
  sharpness: ["Sharpness", (v) => v.toFixed(2)],
  exposure: ["Brightness", (v) => percent(v, 0)],
  contrast: ["Contrast", (v) => percent(v, 0)],
  shade: ["Light from one side", (v) => percent(Math.abs(v), 0)],
  occlusion: ["Seems covered", (v) => percent(v, 0)],
};

function measures(one) {
  const degrees = (value) => `${Math.round(value)}°`;
  const facts = [
    ["Detector", `${one.detector}, score ${one.score.toFixed(2)}`],
    ...(one.pose
      ? [
          ["Turned to the side (yaw)", degrees(one.pose.yaw)],
          ["Up or down (pitch)", degrees(one.pose.pitch)],
          ["Leaning (roll)", degrees(one.pose.roll)],
        ]
      : []),
    ...Object.entries(one.quality ?? {})
      .filter(([name]) => QUALITIES[name])
      .map(([name, value]) => [QUALITIES[name][0], QUALITIES[name][1](value)]),
  ];
  return el(
    "div",
    { class: "card" },
    el("h3", {}, `How well face ${one.index + 1} can be seen`),
    el("dl", { class: "facts" }, facts.map(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]).flat()),
  );
}

