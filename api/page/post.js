// A picture and its parameters become a job.

import { json, Problem, UNREACHABLE } from "./api.js";
import { unreadable } from "./limits.js";

const AGAIN_AFTER = [1000, 3000];

// The job as it was accepted. `sent` hears how much of the picture has gone. Raises Problem.
export async function post(picture, params, { sent, signal }) {
  const problem = await unreadable(picture.blob);
  if (problem) throw problem;
  const body = new FormData();
  body.append("image", picture.blob, picture.name);
  body.append("params", JSON.stringify(params));
  // The same name for each try: the request is done once, though an answer was lost.
  const headers = { "Idempotency-Key": randomName() };
  for (const pause of [...AGAIN_AFTER, null]) {
    try {
      return await json("v1/jobs", { method: "POST", headers, body, sent, signal });
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== UNREACHABLE || pause === null) throw error;
      await new Promise((over) => setTimeout(over, pause));
    }
  }
}

export const cancel = (job) => json(job.links.cancel, { method: "POST" });

// crypto.randomUUID is there on secure pages only, and a gateway in one's own network need not be one.
function randomName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
