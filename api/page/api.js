// Asking the service. All addresses are found from this file's own: the page may be served under any prefix.

import { askForKey, keyFields } from "./access.js";
import { sendReporting } from "./upload.js";

const ROOT = new URL("../../", import.meta.url);

// What went wrong, in the service's words; `code` is stable. `errors` has an entry for each wrong parameter.
export class Problem extends Error {
  constructor(code, detail, { status = 0, errors = [], retryAfter = 0 } = {}) {
    super(detail);
    Object.assign(this, { name: "Problem", code, detail, status, errors, retryAfter });
  }
}

export const UNREACHABLE = "unreachable";
const SILENT = "The service does not answer. Look whether it runs, and whether you are connected.";
const foreign = ({ status, statusText }) =>
  `The answer is ${status} ${statusText}, and does not come from huemill itself. Try again.`;

// An answer that is a success. `sent` hears how much of the body has gone. Raises Problem.
export async function ask(href, options = {}) {
  for (;;) {
    const key = keyFields();
    const answer = await send(new URL(href, ROOT), { ...options, headers: { ...options.headers, ...key } });
    if (answer.ok) return answer;
    const problem = await problemOf(answer);
    const wantsKey = answer.status === 401 || problem.code === "insufficient_scope"; // none or another one
    if (!wantsKey || !(await askForKey(problem.detail, key))) throw problem;
  }
}

export const json = (href, options) => read(href, options, "json");

export const blob = (href, options) => read(href, options, "blob");

// A body may break off like any connection, or be nobody's of ours.
async function read(href, options, kind) {
  const answer = await ask(href, options);
  try {
    return await answer[kind]();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw error instanceof SyntaxError ? new Problem("unknown", foreign(answer)) : new Problem(UNREACHABLE, SILENT);
  }
}

async function send(url, { sent, ...options }) {
  try {
    return await (sent ? sendReporting(url, options, sent) : fetch(url, options));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(UNREACHABLE, SILENT);
  }
}

async function problemOf(answer) {
  const retryAfter = Number(answer.headers.get("Retry-After")) || 0;
  try {
    const { code, detail, errors } = await answer.json();
    if (detail) return new Problem(code, detail, { status: answer.status, errors: errors ?? [], retryAfter });
  } catch {
    // Not the service's own: something between has answered.
  }
  return new Problem("unknown", foreign(answer), { status: answer.status, retryAfter });
}
