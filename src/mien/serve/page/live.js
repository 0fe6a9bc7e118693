// The camera followed live: frame by frame to the service, boxes over the preview, a timeline below.
// Who is who and how probabilities run is the service's to say: `/v1/follow`, asked every second.

import { follow, look } from "./api.js";
import { byId, svg } from "./dom.js";
import { changes, drawTimelines, thumbnail } from "./timeline.js";
import { fault, percent } from "./words.js";

const PACE = 125; // milliseconds from frame to frame at least: eight a second
const EVERY = 1000; // milliseconds from one timeline to the next
const SPAN = 30; // seconds that are looked back on
const WIDTH = 640; // pixels of a frame
const FACES = 10; // of a frame, largest first
const PATIENCE = 10; // seconds; a service that is busy for longer is not waited for

let running = null; // what stops the loop that is under way
let video = null;
let mirrored = false;
let ask = null;

/**
 * Wires the live mode of the camera's box.
 *
 * @param {() => string} model says which model answers
 * @param {(error: Error) => void} refused is told where the token is not accepted
 */
export function liveMode(model, refused) {
  ask = { model, refused };
  byId("follow").addEventListener("click", () => (running ? stop() : start()));
  document.addEventListener("visibilitychange", () => document.hidden && stop());
  return { ready, gone };
}

/** The camera shows something. */
function ready(preview, flipped) {
  video = preview;
  mirrored = flipped;
  byId("follow").disabled = false;
}

/** The camera is off. */
function gone() {
  stop();
  byId("follow").disabled = true;
  byId("live").hidden = true;
  byId("timelines").replaceChildren();
  byId("live-told").textContent = "";
}

function start() {
  running = new AbortController();
  byId("follow").textContent = "Stop following";
  byId("live").hidden = false;
  byId("timelines").replaceChildren();
  byId("camera-words").textContent = "Frames go to this server while you follow. None is stored.";
  complain("");
  tell("");
  loop(running.signal);
}

function stop(words = "") {
  if (!running) return;
  running.abort();
  running = null;
  byId("follow").textContent = "Follow live";
  byId("live-marks").replaceChildren();
  byId("live-rate").textContent = "";
  byId("camera-words").textContent = "No frame leaves this page now.";
  complain(words);
}

/** One frame after the other; never more than one request is under way. */
async function loop(signal) {
  const state = { frames: [], told: [], drawn: performance.now(), untold: false };
  while (!signal.aborted) {
    const begun = performance.now();
    try {
      await step(state, signal);
    } catch (error) {
      if (signal.aborted) return;
      await overcome(error, state, signal);
    }
    await pause(PACE - (performance.now() - begun), signal);
  }
}

async function step(state, signal) {
  const time = Math.round(performance.now()) / 1000;
  const shot = capture();
  const last = state.frames.at(-1)?.time ?? -1;
  if (!shot || time <= last) return;
  const answer = await look(await jpeg(shot), ask.model(), signal);
  const faces = answer.faces.slice(0, FACES);
  drawMarks(answer, faces);
  state.frames = [...state.frames.filter((one) => one.time > time - SPAN), { time, faces: faces.map(given) }];
  if (performance.now() - state.drawn < EVERY) return;
  state.drawn = performance.now();
  byId("live-rate").textContent = rate(state.frames, answer);
  if (state.untold) return;
  const found = await follow(state.frames, ask.model(), signal);
  complain("");
  const face = (box) => thumbnail(shot, box, mirrored);
  drawTimelines(byId("timelines"), found, { now: time, span: SPAN, face });
  const words = changes(found, time, state.told);
  if (words) tell(words);
}

/** Waits where the service is busy, does without a timeline where it has none, else stops. */
async function overcome(error, state, signal) {
  const wait = error.retryAfter ?? 2;
  if (error.status === 501) {
    state.untold = true; // boxes are still worth something
    complain(`There is no timeline: ${error.message}`);
  } else if ([429, 503].includes(error.status) && wait <= PATIENCE) {
    complain(`${fault(error)} Trying again in ${wait} s.`);
    await pause(1000 * wait, signal);
    complain("");
  } else {
    stop(fault(error));
    if (error.status === 401) ask.refused(error);
  }
}

function given(face) {
  const rounded = ([name, value]) => [name, Number(value.toFixed(1))];
  return {
    box: Object.fromEntries(Object.entries(face.box).map(rounded)),
    probabilities: face.probabilities?.map((one) => Number(one.probability.toFixed(4))) ?? null,
    reason: face.reason,
  };
}

function capture() {
  if (!video?.videoWidth) return null;
  const canvas = document.createElement("canvas");
  const scale = Math.min(1, WIDTH / video.videoWidth);
  canvas.width = Math.round(scale * video.videoWidth);
  canvas.height = Math.round(scale * video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function jpeg(canvas) {
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
}

function pause(milliseconds, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, Math.max(0, milliseconds));
    signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });
}

function rate(frames, answer) {
  const recent = frames.filter((one) => one.time > frames.at(-1).time - 3);
  const seconds = recent.at(-1).time - recent[0].time;
  const many = seconds > 0 ? ((recent.length - 1) / seconds).toFixed(1) : "0";
  const count = answer.faces.length === 1 ? "1 face" : `${answer.faces.length} faces`;
  return `${count} in the frame, ${many} frames a second, ${Math.round(answer.roundTrip)} ms from frame to answer`;
}

/** Draws boxes and expressions where the preview shows the faces; words are never mirrored. */
function drawMarks({ width, height }, faces) {
  const drawing = byId("live-marks");
  drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const unit = 1 / Math.min(drawing.clientWidth / width, drawing.clientHeight / height);
  drawing.replaceChildren(...faces.map((face) => mark(face, width, height, unit)));
}

function mark(face, width, height, unit) {
  const { x1, y1, x2, y2 } = face.box;
  const left = mirrored ? width - x2 : x1;
  const sure = !face.abstained && face.expression;
  const text = sure ? `${face.expression.name} ${percent(face.confidence, 0)}` : "no answer";
  const size = 15 * unit;
  const tag = { width: size * (0.65 * text.length + 0.9), height: 1.4 * size };
  const x = Math.max(0, Math.min(left, width - tag.width));
  const y = y2 + tag.height > height ? Math.max(0, y1 - tag.height) : y2; // below, else above
  const place = { x: left, y: y1, width: x2 - x1, height: y2 - y1 };
  return svg(
    "g",
    { class: sure ? "mark" : "mark unsure" },
    svg("rect", { ...place, class: "edge" }),
    svg("rect", { ...place, class: "box" }),
    svg("rect", { x, y, ...tag, class: "tag" }),
    svg("text", { x: x + tag.width / 2, y: y + 1.02 * size, "font-size": size, class: "number" }, text),
  );
}

function tell(words) {
  byId("live-told").textContent = words;
}

function complain(words) {
  const box = byId("live-fault");
  if (box.textContent !== words) box.textContent = words;
  box.hidden = words === "";
}
