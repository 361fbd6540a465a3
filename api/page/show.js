// A finished job in its place. What is seen of it is loaded when the first one comes.

import { blob, json } from "./api.js";

// Gives {close()}. `ask(changes)` starts another job on the same picture.
export async function show(place, run, ask) {
  const { showResult } = await import("./result/show.js");
  return showResult(place, { job: run.job, picture: run.picture.blob, settings: run.params, api: { json, blob } }, ask);
}

// "Kmeans, 5 colours, Lab"
export function titleOf({ job }) {
  const { algorithm, color_space: space } = job.params;
  const colors = job.result.palette.length;
  return `${algorithm}, ${colors} ${colors === 1 ? "colour" : "colours"}, ${space}`;
}
