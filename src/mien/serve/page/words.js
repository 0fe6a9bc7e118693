// What the page says: why there is no answer and what to do about it, in plain words.

export function percent(share, digits = 2) {
  return `${(100 * share).toFixed(digits)}%`;
}

export function milliseconds(value) {
  return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value)} ms`;
}

export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes % 1e6 ? 1 : 0)} MB`;
}

export function titled(expression) {
  return `${expression.id}-${expression.name}`;
}

/** A picture without faces, by reason: what happened, and what the person can do. */
const PICTURE = {
  no_face: [
    "No face was found",
    "The detector saw no face in this picture.",
    "Try a picture in which the whole face is seen, larger, in better light, and turned less to the side.",
  ],
  unreadable: [
    "This file cannot be read as a picture",
    "It is damaged, larger than this service decodes, or of a kind that it does not know.",
    "See whether another program opens it, save it as JPEG or PNG, and give that.",
  ],
  detector_failed: [
    "The search for faces broke off",
    "The detector failed on this picture. That is a fault of the program, not of the picture.",
    "Try it once more, or in another size. If it fails again, tell whoever runs this service.",
  ],
};

/** A face without an answer, likewise. */
const FACE = {
  bad_landmarks: [
    "The points of this face cannot be right",
    "Eyes, nose and corners of the mouth were not found where a face has them, so it cannot be turned level and cut out.",
    "Try a picture in which this face is larger, looks more towards the camera, and is not covered.",
  ],
  extreme_pose: [
    "This head is turned too far",
    "Too much of the face is out of sight for the model to stand behind an answer.",
    "Try a picture in which the face looks more towards the camera.",
  ],
  low_quality: [
    "This face cannot be seen well enough",
    "The model does not stand behind an answer for a face like this.",
    "Try a larger, sharper picture in even light, with the face uncovered.",
  ],
  low_confidence: [
    "The model is not sure enough",
    "No expression stands out clearly enough for the model to stand behind it. Many faces are ambiguous to people, too.",
    "Look at the bars, and at the face itself. A larger or clearer picture of it may help.",
  ],
};

const OTHER = [
  "There is no answer",
  "The service gave none, for a reason that this page does not know.",
  "Try another picture.",
];

/** How much of what was too little or too much, by the name in the service's message. */
const MEASURES = {
  size: ["It is too small: %v pixels wide, and the model needs %l.", null],
  sharpness: ["It is too blurred.", null],
  exposure: ["It is too dark.", "It is too bright."],
  contrast: ["It has too little contrast: light and dark parts hardly differ.", null],
  occlusion: [null, "Too much of it seems to be covered: about %p, at most %q."],
  yaw: [null, "It is turned to the side by about %v degrees; the model answers up to %l."],
  pitch: [null, "It looks up or down by about %v degrees; the model answers up to %l."],
};

/**
 * Returns title, what happened and what to do, for a picture or a face without an answer.
 *
 * @param {string|null} reason the service's word
 * @param {{message?: string|null, confidence?: number|null, least?: number|null}} more
 */
export function refusal(reason, more = {}) {
  const [title, happened, advice] = PICTURE[reason] ?? FACE[reason] ?? OTHER;
  return { title, happened: detail(reason, more) ?? happened, advice };
}

function detail(reason, { message, confidence, least }) {
  if (reason === "low_confidence" && confidence && least) {
    return (
      `The highest bar reaches ${percent(confidence)}; this model stands behind an answer from ` +
      `${percent(least)} on. Many faces are ambiguous to people, too.`
    );
  }
  const found = /^(\w+) (-?[\d.e+-]+)(?: degrees)?, the (least|most) is ([\d.e+-]+)$/.exec(
    message ?? "",
  );
  const sentence = found && MEASURES[found[1]]?.[found[3] === "least" ? 0 : 1];
  if (!sentence) return null;
  const value = Math.abs(Number(found[2]));
  const limit = Number(found[4]);
  return sentence
    .replace("%v", String(Math.round(value)))
    .replace("%l", String(limit))
    .replace("%p", percent(value, 0))
    .replace("%q", percent(limit, 0));
}

/** Returns what to say about an error of the service. */
export function fault(error, limits) {
  switch (error.status) {
    case 0:
      return "The service does not answer. It may have been stopped: start it again, then try again.";
    case 401:
      return "The service does not accept this token.";
    case 413:
      return limits
        ? `The picture is too large: this service takes ${megabytes(limits.bytes)} at most. Save it smaller, and give that.`
        : `The picture is too large. ${error.message}`;
    case 415:
      return "The service does not take files of this kind. Save it as JPEG or PNG, and give that.";
    case 429:
      return "Too many pictures came in a short time.";
    case 503:
      return error.code === "stopping"
        ? "The service is being stopped."
        : "The service is busy with other pictures.";
    case 500:
      return "Something went wrong within the service. If it happens again, tell whoever runs it.";
    default:
      return error.message;
  }
}

/** Returns what to say where the camera gives no picture. */
export function cameraFault(error) {
  if (!globalThis.isSecureContext) {
    return (
      "Browsers allow the camera only on a page of this machine or one that came by https. Open " +
      "this one at 127.0.0.1, or have the service started with a certificate. On a phone, " +
      "“Choose pictures” may offer its camera, too."
    );
  }
  switch (error?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return "The camera is not allowed on this page. Allow it in the browser's settings for this address, then try again.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No camera was found. Connect one, or choose a picture instead.";
    case "NotReadableError":
    case "AbortError":
      return "The camera cannot be used just now; another program may hold it. Close that one, then try again.";
    default:
      return "This browser offers no camera. Choose a picture instead.";
  }
}

/** Returns one sentence or two about an answer, for those who do not see the page. */
export function spoken(name, answer) {
  if (answer.faces.length === 0) {
    const { title, happened } = refusal(answer.reason, answer);
    return `${name}: ${title}. ${happened}`;
  }
  const count = answer.faces.length === 1 ? "one face" : `${answer.faces.length} faces`;
  const told = answer.faces.map((face) =>
    face.abstained || !face.expression
      ? `Face ${face.index + 1}: no answer. ${refusal(face.reason, face).title}.`
      : `Face ${face.index + 1}: apparent expression ${face.expression.name}, ${percent(face.confidence)}.`,
  );
  return `${name}: ${count}. ${told.join(" ")}`;
}
