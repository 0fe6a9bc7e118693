// One picture after the other to the service, and patience where it is busy.

import { predict, ServiceError } from "./api.js";
import { fault, megabytes } from "./words.js";

const TRIES = 4;
const LONGEST = 60; // seconds; who has to wait longer is asked to come back

/** A picture that is refused in the page, before anything is sent. */
export class Refused extends Error {}

/** Throws `Refused` where a file needs not be sent. */
export function check(file, limits) {
  if (file.size === 0) throw new Refused(`${file.name} is empty: 0 bytes.`);
  if (file.size > limits.bytes) {
    throw new Refused(
      `${file.name} is too large: it has ${megabytes(file.size)}, and this service takes ` +
        `${megabytes(limits.bytes)} at most. It was not sent. Save it smaller, and give that.`,
    );
  }
}

/**
 * Returns a model's answer for a file; where the service is busy, asks again when it says so.
 *
 * @param {File} file
 * @param {string} model
 * @param {AbortSignal} signal gives up
 * @param {(words: string) => void} tell is told, every second, for how long it waits
 */
export async function answerFor(file, model, signal, tell) {
  let bytes;
  try {
    bytes = await file.arrayBuffer();
  } catch {
    throw new Refused(`${file.name} cannot be read: it is a folder, or it was moved or changed.`);
  }
  for (let left = TRIES - 1; ; left -= 1) {
    try {
      return await predict(bytes, file.type, model, signal);
    } catch (error) {
      const busy = error instanceof ServiceError && [429, 503].includes(error.status);
      const wait = error.retryAfter ?? 2;
      if (!busy || left === 0 || wait > LONGEST || error.code === "stopping") throw error;
      await countDown(wait, signal, (seconds) =>
        tell(`${fault(error)} Trying again in ${seconds} s.`),
      );
    }
  }
}

async function countDown(seconds, signal, tell) {
  for (let left = Math.max(1, seconds); left > 0; left -= 1) {
    tell(left);
    await new Promise((done) => setTimeout(done, 1000));
    signal.throwIfAborted();
  }
}
