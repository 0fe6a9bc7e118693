// The picture, and over it the boxes, numbers and points of its faces.

import { el, svg } from "./dom.js";

/** Returns a picture; one that this browser cannot draw becomes an empty frame of its size. */
export function picture(url, alt, answer) {
  const image = el("img", { src: url, alt, class: "photo", decoding: "async" });
  image.addEventListener("error", () => {
    const frame = el("div", { class: "no-photo" }, "This browser cannot show it as a picture.");
    if (answer?.width) frame.style.aspectRatio = `${answer.width} / ${answer.height}`;
    image.replaceWith(frame);
  });
  return image;
}

/**
 * Returns the picture with every face marked; a click on a box chooses its face.
 *
 * The coordinates are those of the upright picture, which is what browsers show.
 */
export function marked(url, answer, choose) {
  const { width, height, faces } = answer;
  const unit = Math.max(width, height) / 400;
  const many = faces.length > 1;
  const drawing = svg(
    "svg",
    {
      class: "marks",
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": label(faces),
    },
    // the largest first, so that a small face within a large one can be clicked
    faces.map((face) => mark(face, unit, many ? choose : null)),
  );
  return el("div", { class: "stack" }, el("div", { class: "fit" }, picture(url, "", answer), drawing));
}

/** Shows which face is chosen. */
export function highlight(root, index) {
  for (const node of root.querySelectorAll(".mark")) {
    node.classList.toggle("chosen", Number(node.dataset.face) === index);
  }
}

function label(faces) {
  const count = faces.length === 1 ? "One face" : `${faces.length} faces`;
  return `${count}, each with a box and the points of eyes, nose and mouth`;
}

function mark(face, unit, choose) {
  const { x1, y1, x2, y2 } = face.box;
  const unsure = face.abstained ? "unsure" : "";
  const place = { x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
  const size = Math.max(11 * unit, Math.min(22 * unit, (x2 - x1) / 5));
  const text = String(face.index + 1);
  const tag = size * (0.65 + 0.6 * text.length);
  const dot = Math.max(2 * unit, Math.min(4 * unit, (x2 - x1) / 35));
  const group = svg(
    "g",
    { class: `mark ${unsure}`, "data-face": face.index },
    svg("rect", { ...place, class: "edge" }),
    svg("rect", { ...place, class: "box" }),
    svg("rect", { x: x1, y: y1, width: tag, height: 1.3 * size, class: "tag" }),
    svg("text", { x: x1 + tag / 2, y: y1 + size, "font-size": size, class: "number" }, text),
    (face.landmarks ?? []).map(([x, y]) =>
      svg("circle", { cx: x, cy: y, r: dot, "stroke-width": dot / 2.5, class: "point" }),
    ),
  );
  if (choose) {
    group.classList.add("choice");
    group.addEventListener("click", () => choose(face.index));
  }
  return group;
}
