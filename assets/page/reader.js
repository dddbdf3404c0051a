import { infer } from "./api.js";
import { bytesOf } from "./picture.js";
import { Problem, unreachable } from "./problem.js";

/** Pictures asked about at the same time; the rest wait their turn. */
const AT_ONCE = 2;

/**
 * Asks the server about pictures. Each picture has one reading, the newest; an older one is aborted and can write nothing.
 * @param {(picture: import("./picture.js").Picture) => void} onChange
 */
export function createReader(onChange) {
  /** @type {import("./picture.js").Picture[]} */
  let queue = [];
  let busy = 0;

  /**
   * @param {import("./picture.js").Picture} picture
   * @param {import("./request.js").Request} request
   */
  function read(picture, request) {
    forget(picture);
    picture.reading = {
      ...request, state: "waiting", sent: 0, stop: new AbortController(), answer: null, roundTripMs: 0, problem: null,
    };
    queue.push(picture);
    onChange(picture);
    next();
  }

  /** @param {import("./picture.js").Picture} picture */
  function forget(picture) {
    picture.reading?.stop.abort();
    picture.reading = null;
    queue = queue.filter((waiting) => waiting !== picture);
  }

  async function next() {
    if (busy >= AT_ONCE || !queue.length) return;
    const picture = queue.shift();
    const reading = picture.reading;
    busy += 1;
    const change = (news) => {
      if (picture.reading !== reading) return;
      Object.assign(reading, news);
      onChange(picture);
    };
    try {
      change({ state: "sending" });
      const blob = await bytesOf(picture).catch(() => { throw unreachable(); });
      const { answer, roundTripMs } = await infer({ ...reading, blob, filename: picture.name }, {
        signal: reading.stop.signal,
        onSent: (sent) => change({ sent, state: sent < 1 ? "sending" : "looking" }),
      });
      const problem = answer.images[0].problem;
      if (problem) throw new Problem(problem);
      change({ state: "answered", answer, roundTripMs });
    } catch (error) {
      if (error.name !== "AbortError") change({ state: "failed", problem: asProblem(error) });
    } finally {
      busy -= 1;
      next();
    }
  }

  return { read, forget };
}

function asProblem(error) {
  if (error instanceof Problem) return error;
  return new Problem({ title: "The answer could not be read", code: "bad_answer", detail: String(error.message || error) });
}
