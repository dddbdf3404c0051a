import { element } from "./element.js";
import { keyForm } from "./key.js";

/**
 * What went wrong, in the words of RFC 9457. The server's problems and the browser's own look the same.
 */
export class Problem extends Error {
  /** @param {{title?: string, detail?: string, code?: string, status?: number, request_id?: string}} body */
  constructor(body) {
    super(body.title || "Something went wrong");
    this.title = this.message;
    this.detail = body.detail || "";
    this.code = body.code || "unknown";
    this.status = body.status || 0;
    this.requestId = body.request_id || "";
  }
}

/** The server did not answer at all. */
export function unreachable() {
  return new Problem({
    title: "The server cannot be reached",
    code: "network",
    detail: "No answer came back. The server may be stopped, or the connection may be down.",
  });
}

/**
 * The problem an answer with an error status stands for.
 * @param {number} status
 * @param {string} contentType
 * @param {string} text
 */
export function problemOfAnswer(status, contentType, text) {
  if (contentType.includes("json")) {
    try {
      const body = JSON.parse(text);
      if (body && typeof body.title === "string") return new Problem({ status, ...body });
    } catch {
      // Not JSON after all: the status has to speak for itself.
    }
  }
  return new Problem({
    title: `The server answered ${status}`,
    code: `http_${status}`,
    status,
    detail: "The answer carried no explanation.",
  });
}

/** Problems after which the same request may well succeed. */
const WORTH_ANOTHER_TRY = new Set(["network", "model_not_ready", "overloaded", "deadline_exceeded", "internal", "rate_limited", "queue_full"]);

/**
 * @param {HTMLElement} place emptied when there is no problem
 * @param {Problem|null} problem
 * @param {() => void} [onRetry]
 */
export function showProblem(place, problem, onRetry) {
  place.hidden = !problem;
  if (!problem) return place.replaceChildren();
  const facts = element("p", { class: "problem-facts" }, element("code", {}, problem.code));
  if (problem.status) facts.append(` · HTTP ${problem.status}`);
  if (problem.requestId) facts.append(" · request ", element("code", {}, problem.requestId));
  place.replaceChildren(element("h3", {}, problem.title));
  if (problem.detail) place.append(element("p", {}, problem.detail));
  place.append(facts);
  if (onRetry && problem.code === "unauthenticated") place.append(keyForm(onRetry));
  if (onRetry && (WORTH_ANOTHER_TRY.has(problem.code) || problem.status >= 500)) {
    const retry = element("button", { type: "button", class: "button" }, "Try again");
    retry.addEventListener("click", onRetry);
    place.append(retry);
  }
}
