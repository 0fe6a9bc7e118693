// A model in figures and words. No accuracy stands without that on sources it never saw.

import { el } from "./dom.js";
import { markdown } from "./markdown.js";

const POINT = "shipped";

/** Returns the two accuracies, unseen sources first. */
export function accuracies(card) {
  const unseen = figure(card, "unseen", "accuracy");
  const test = figure(card, "test", "accuracy");
  return el(
    "dl",
    { class: "facts accuracy" },
    el("dt", {}, "Accuracy, unseen sources"),
    el("dd", {}, unseen ?? "not measured"),
    el("dt", {}, "Accuracy, its own sources"),
    el("dd", {}, test ?? "not measured"),
  );
}

/** Returns what is to be known of a model: facts, scores, and its card, folded. */
export function about(card) {
  const facts = [
    ["Network", `${card.network}, ${card.megabytes.toFixed(1)} MB`],
    ["Input", `${card.input.size} × ${card.input.size}, ${card.input.colour === "grey" ? "grey" : "colour"}`],
    ["Licence of the weights", card.weight_licence],
    ["Commercial use", card.commercial_use],
    ["Training data", card.training_data.join("; ") || "not stated"],
  ];
  return el(
    "article",
    { class: "card", "aria-label": `Model ${card.name}` },
    el("h3", {}, card.name),
    el(
      "dl",
      { class: "facts" },
      facts.map(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]).flat(),
    ),
    scores(card),
    card.card &&
      el(
        "details",
        {},
        el("summary", {}, "The whole model card"),
        el("div", { class: "model-card" }, markdown(card.card, 4)),
      ),
  );
}

const ROWS = [
  ["accuracy", "Accuracy"],
  ["balanced_accuracy", "Balanced accuracy"],
  ["balanced_accuracy_frequent", "Balanced accuracy, classes of 25 or more"],
];

function scores(card) {
  const cell = (role, name) => el("td", {}, figure(card, role, name) ?? "not measured");
  const count = (role) => card.scores?.[role]?.n;
  const head = (words, role) =>
    el("th", { scope: "col" }, words, count(role) ? el("span", { class: "quiet" }, ` n = ${count(role).toLocaleString("en")}`) : null);
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": `Figures of ${card.name}` },
    el(
      "table",
      { class: "figures grid" },
      el("caption", {}, "How often it is right, with 95% intervals. The first column is the better guide to other people's pictures."),
      el("thead", {}, el("tr", {}, el("td"), head("Unseen sources", "unseen"), head("Its own sources", "test"))),
      el(
        "tbody",
        {},
        ROWS.map(([name, words]) =>
          el("tr", {}, el("th", { scope: "row" }, words), cell("unseen", name), cell("test", name)),
        ),
      ),
    ),
  );
}

function figure(card, role, name) {
  const value = card.scores?.[role]?.[POINT]?.[name];
  const part = (share) => (100 * share).toFixed(1);
  if (typeof value === "number") return `${part(value)}%`;
  if (!Array.isArray(value) || typeof value[0] !== "number") return null;
  const [share, low, high] = value;
  const known = typeof low === "number" && typeof high === "number";
  const interval = el("span", { class: "interval" }, `[${part(low)}, ${part(high)}]`);
  return known ? [`${part(share)}% `, interval] : `${part(share)}%`;
}
