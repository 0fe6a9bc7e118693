// The page of `mien serve`: what is open, which pictures there are, and who is asked.

import * as api from "./api.js";
import { cameraBox } from "./camera.js";
import { byId, el } from "./dom.js";
import { intake } from "./intake.js";
import { liveMode } from "./live.js";
import { about } from "./model.js";
import { answerFor, check, Refused } from "./queue.js";
import { drawResults } from "./results.js";
import { fault, megabytes, spoken } from "./words.js";

const state = {
  service: null,
  cards: new Map(),
  models: [],
  entries: [],
  current: 0,
};
let line = Promise.resolve();
let stopper = new AbortController();
let count = 0;

const on = {
  picture(index) {
    state.current = index;
    draw();
    complete();
  },
  again(entry) {
    entry.problem = null;
    draw();
    enqueue(entry);
  },
};

function draw() {
  drawResults(state, on);
}

// ---- opening -------------------------------------------------------------------------------

function show(name) {
  for (const id of ["door", "away", "intake", "about"]) byId(id).hidden = true;
  for (const id of name === "open" ? ["intake", "about"] : [name]) byId(id).hidden = false;
}

function askForToken(why) {
  byId("door-why").textContent = why;
  show("door");
  byId("token").value = "";
  byId("token").focus();
}

async function open() {
  byId("door-fault").textContent = "";
  if (!api.hasToken()) {
    askForToken(
      "Open the link that mien serve printed when it was started, or paste the token or the link " +
        "here. It keeps other people out; this tab forgets it when it is closed.",
    );
    return;
  }
  try {
    state.service = await api.service();
    const cards = await Promise.all(state.service.models.map((name) => api.model(name)));
    state.cards = new Map(cards.map((card, i) => [state.service.models[i], card]));
  } catch (error) {
    closed(error);
    return;
  }
  opened();
}

function closed(error) {
  if (error.status === 401) {
    api.setToken(null);
    askForToken(
      "The service does not accept the token it was given: it may be mistyped, or of another " +
        "start. Paste the one that mien serve printed last.",
    );
    return;
  }
  byId("away-why").textContent = fault(error);
  show("away");
}

function opened() {
  const { models, purpose, notice, limits, mien } = state.service;
  byId("limits").textContent = `JPEG, PNG, WebP, GIF, BMP, TIFF or PPM, up to ${megabytes(limits.bytes)}; up to ${limits.faces} faces in a picture`;
  byId("notice").textContent = notice;
  byId("purpose").textContent = purpose;
  byId("version").textContent = `mien ${mien}`;
  byId("cards").replaceChildren(...models.map((name) => about(state.cards.get(name))));
  byId("models").hidden = models.length < 2;
  byId("model").replaceChildren(...models.map((name) => el("option", {}, name)));
  if (models.includes(state.models[0])) byId("model").value = state.models[0];
  chooseModels();
  show("open");
  for (const entry of state.entries) if (!answered(entry)) on.again(entry);
}

// ---- models --------------------------------------------------------------------------------

function chooseModels() {
  const first = byId("model").value;
  const others = state.service.models.filter((name) => name !== first);
  const comparing = byId("compare").checked && others.length > 0;
  const kept = byId("other").value;
  byId("other").replaceChildren(...others.map((name) => el("option", {}, name)));
  if (others.includes(kept)) byId("other").value = kept;
  byId("other-box").hidden = !comparing;
  state.models = comparing ? [first, byId("other").value] : [first];
  draw();
  complete();
}

// ---- pictures ------------------------------------------------------------------------------

function answered(entry) {
  return state.models.every((name) => entry.answers.has(name));
}

/** Asks for what the picture that is shown still lacks, as after another model was chosen. */
function complete() {
  const entry = state.entries[state.current];
  if (entry && !entry.problem && !answered(entry)) enqueue(entry);
}

function take(files) {
  complain(byId("intake").hidden ? "The page cannot take a picture yet." : "");
  if (byId("intake").hidden) return;
  const refused = [];
  const first = state.entries.length;
  for (const file of files) {
    try {
      check(file, state.service.limits);
    } catch (error) {
      refused.push(error.message);
      continue;
    }
    state.entries.push({
      id: (count += 1),
      name: file.name || `picture ${count}`,
      file,
      url: URL.createObjectURL(file),
      answers: new Map(),
      problem: null,
      face: 0,
    });
  }
  if (refused.length) complain(refused.join(" "));
  if (state.entries.length === first) return;
  state.current = first;
  draw();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const top = byId(refused.length ? "fault" : "results"); // one stands above the other
  top.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
  for (const entry of state.entries.slice(first)) enqueue(entry);
}

function enqueue(entry) {
  const { signal } = stopper;
  line = line.then(() => (signal.aborted ? null : run(entry, signal)));
}

async function run(entry, signal) {
  const models = [...state.models];
  try {
    for (const name of models) {
      if (entry.answers.has(name)) continue;
      say(`Looking at ${entry.name} …`);
      entry.answers.set(name, await answerFor(entry.file, name, signal, say));
    }
    say(spoken(entry.name, entry.answers.get(models[0])), true);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.status === 401) {
      stop(); // the others wait for a token, too
      closed(error);
      say("");
      return;
    }
    entry.problem = error instanceof Refused ? error.message : fault(error, state.service.limits);
    say(`${entry.name}: ${entry.problem}`, true);
  }
  if (state.entries[state.current] === entry) draw();
}

function stop() {
  stopper.abort();
  stopper = new AbortController();
}

function clear() {
  stop();
  for (const entry of state.entries) URL.revokeObjectURL(entry.url);
  state.entries = [];
  state.current = 0;
  draw();
  say("All pictures are removed from this page.", true);
  byId("choose").focus();
}

// ---- words ---------------------------------------------------------------------------------

function say(words, heard = false) {
  const status = byId("status");
  status.classList.toggle("unseen", heard); // the page itself shows what came of it
  status.textContent = words;
}

function complain(words) {
  const box = byId("fault");
  box.hidden = words === "";
  box.textContent = words;
  if (words) box.scrollIntoView({ block: "nearest" });
}

byId("door-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = api.tokenIn(byId("token").value);
  if (!given) {
    byId("door-fault").textContent = "Paste the token first.";
    return;
  }
  api.setToken(given);
  open();
});
byId("away-again").addEventListener("click", open);
byId("model").addEventListener("change", chooseModels);
byId("compare").addEventListener("change", chooseModels);
byId("other").addEventListener("change", chooseModels);
byId("clear").addEventListener("click", clear);
addEventListener("hashchange", () => api.takeToken() && open());
intake(take, complain);
cameraBox(
  (photo) => take([photo]),
  liveMode(
    () => state.models[0],
    (error) => {
      byId("camera-box").close();
      closed(error);
    },
  ),
);
api.takeToken();
open();
