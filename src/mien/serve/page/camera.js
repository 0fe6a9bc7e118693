// The camera's box: a preview, a shutter, the live mode; the camera is off as soon as it closes.

import { byId } from "./dom.js";
import { cameraFault } from "./words.js";

let stream = null;
let facing = "user";
let opening = 0;

let live = null;

/**
 * Wires the camera's box.
 *
 * @param {(photo: File) => void} take receives each photo
 * @param {{ready: Function, gone: Function}} follower hears when the camera shows something, and
 *     when it does not any more
 */
export function cameraBox(take, follower) {
  live = follower;
  const box = byId("camera-box");
  byId("camera").addEventListener("click", () => {
    box.showModal();
    start();
  });
  byId("stop").addEventListener("click", () => box.close());
  box.addEventListener("close", stop);
  byId("turn").addEventListener("click", () => {
    facing = facing === "user" ? "environment" : "user";
    start();
  });
  byId("shutter").addEventListener("click", async () => {
    const photo = await shot(byId("preview"));
    box.close();
    if (photo) take(photo);
  });
}

async function start() {
  stop();
  const mine = ++opening;
  const words = byId("camera-words");
  words.textContent = "Waiting for the camera. The browser may ask whether it is allowed.";
  try {
    if (!navigator.mediaDevices?.getUserMedia) throw new TypeError("no camera here");
    const opened = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: facing, width: { ideal: 1280 }, height: { ideal: 720 } },
      audio: false,
    });
    if (mine !== opening || !byId("camera-box").open) {
      for (const track of opened.getTracks()) track.stop(); // the box was closed meanwhile
      return;
    }
    stream = opened;
    await play();
    words.textContent = "The picture stays in this page until you take the photo, or follow live.";
  } catch (error) {
    if (mine !== opening) return;
    stop();
    words.textContent = cameraFault(error);
  }
}

async function play() {
  const preview = byId("preview");
  preview.classList.toggle("mirrored", facing === "user"); // as people know themselves
  preview.srcObject = stream;
  await preview.play();
  byId("shutter").disabled = false;
  byId("shutter").focus();
  live.ready(preview, facing === "user");
  const devices = await navigator.mediaDevices.enumerateDevices();
  byId("turn").hidden = devices.filter((device) => device.kind === "videoinput").length < 2;
}

function stop() {
  opening += 1;
  live.gone();
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  byId("preview").srcObject = null;
  byId("shutter").disabled = true;
}

async function shot(video) {
  if (!video.videoWidth) return null;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
  return blob && new File([blob], "photo.jpg", { type: blob.type });
}
