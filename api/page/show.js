// A finished job in its place. What is seen of it is loaded when the first picture is chosen.

import { blob, json, Problem, UNREACHABLE } from "./api.js";

// Gives {close()}. `ask(changes)` starts another job on the same picture. Raises Problem where it could not be loaded.
export async function show(place, run, ask) {
  const { showResult } = await room();
  return showResult(place, { job: run.job, picture: run.picture.blob, settings: run.params, api: { json, blob } }, ask);
}

// Before there is a result, so that nobody waits for it then; what goes wrong is told when there is one.
export const load = () => void import("./result/show.js").catch(() => null);

async function room() {
  try {
    return await import("./result/show.js");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Problem(UNREACHABLE, "What shows results could not be loaded. Reload the page.");
  }
}

// "kmeans, 5 colours, lab": as the API calls them
export function titleOf({ job }) {
  const { algorithm, color_space: space } = job.params;
  const colors = job.result.palette.length;
  return `${algorithm}, ${colors} ${colors === 1 ? "colour" : "colours"}, ${space}`;
}
