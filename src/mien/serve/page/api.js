// The service's address, token and errors.

const KEY = "mien-token";
let token = null;

/** An answer that is not of the 200s, or none at all (status 0). */
export class ServiceError extends Error {
  constructor(status, code, message, retryAfter = null) {
    super(message);
    this.name = "ServiceError";
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** Returns the token in a text: itself, or that of a whole link. */
export function tokenIn(text) {
  const found = /(?:^|[#&?])token=([^&\s]+)/.exec(text.trim());
  try {
    return found ? decodeURIComponent(found[1]) : text.trim();
  } catch {
    return found[1]; // a lone % is no escape
  }
}

/** Takes the token out of the address, so that it stays in neither history nor bookmarks. */
export function takeToken() {
  if (/[#&]token=/.test(location.hash)) {
    setToken(tokenIn(location.hash));
    history.replaceState(null, "", location.pathname + location.search);
    return true;
  }
  if (token === null) {
    try {
      token = sessionStorage.getItem(KEY);
    } catch {
      token = null; // storage is switched off: it has to be given again after a reload
    }
  }
  return false;
}

export function hasToken() {
  return Boolean(token);
}

/** Keeps a token until the tab is closed; null forgets it. */
export function setToken(value) {
  token = value;
  try {
    if (value === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  } catch {
    // it lasts until the page is left
  }
}

/** Returns what the service says of itself. */
export function service() {
  return ask("/v1/service");
}

/** Returns a model's card. */
export function model(name) {
  return ask(`/v1/model?${new URLSearchParams({ model: name })}`);
}

/** Returns the answer for one picture, and the milliseconds there and back. */
export function predict(bytes, type, name, signal) {
  return predicted(bytes, type, { model: name, chips: "true" }, signal);
}

/** Returns the same for a frame of the camera, without pictures in the answer. */
export function look(blob, name, signal) {
  return predicted(blob, blob.type, { model: name }, signal);
}

const GAP = 3; // seconds that a face may be lost and still be the same person

/** Returns who is seen in some frames, and what changed. */
export function follow(frames, name, signal) {
  return ask("/v1/follow", {
    method: "POST",
    body: JSON.stringify({ frames, model: name, gap: GAP }), // a busy service sees few frames
    headers: { "Content-Type": "application/json" },
    signal,
  });
}

async function predicted(body, type, query, signal) {
  const start = performance.now();
  const answer = await ask(`/v1/predict?${new URLSearchParams(query)}`, {
    method: "POST",
    body,
    headers: { "Content-Type": /^image\/[\w.+-]+$/.test(type) ? type : "application/octet-stream" },
    signal,
  });
  return { ...answer.images[0], model: answer.model, roundTrip: performance.now() - start };
}

async function ask(path, options = {}) {
  let answer;
  // fetch refuses a header outside Latin-1, and so would the server
  const bearer = /^[\x21-\x7e]+$/.test(token ?? "") ? token : "";
  try {
    answer = await fetch(path, {
      ...options,
      headers: { ...options.headers, Authorization: `Bearer ${bearer}` },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError(0, "unreachable", "The service does not answer.");
  }
  if (answer.ok) return answer.json();
  const told = await answer.json().catch(() => null);
  const wait = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  throw new ServiceError(
    answer.status,
    told?.error?.code ?? "internal",
    told?.error?.message ?? `The service answered ${answer.status}.`,
    Number.isFinite(wait) ? wait : null,
  );
}
