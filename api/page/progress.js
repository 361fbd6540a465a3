// How far a job is: a thin bar, the stage in words, the time. Stages are said aloud, fractions are not.

import { element, say } from "./element.js";
import { ENDED } from "./follow.js";
import { duration } from "./numbers.js";

const STAGES = {
  sending: "Sending the picture",
  running: "A worker has it",
  decode: "Reading the picture",
  count: "Counting colours",
  cluster: "Finding clusters",
  measure: "Measuring how good they are",
  render: "Drawing the result",
};
const TICK_MS = 100;

// `begun`: when, on the page's clock. Who looks away and comes back finds the time since then.
export function makeProgress(begun) {
  const bar = element("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const words = element("span", { class: "words" });
  const clock = element("span", { class: "clock", "aria-hidden": "true" });
  const tick = () => (clock.textContent = duration(Math.floor((performance.now() - begun) / TICK_MS) * TICK_MS));
  const ticking = setInterval(tick, TICK_MS);
  tick();
  const shown = element("div", { class: "progress" }, bar, element("p", {}, words, clock));
  return {
    element: shown,
    show(seen) {
      if (ENDED.includes(seen.status)) return; // what is told of that is told by what comes in its place
      const now = wordsOf(seen);
      if (words.textContent !== now) say(now);
      words.textContent = now;
      bar.value = seen.status === "queued" ? 0 : (seen.fraction ?? 0);
    },
    close() {
      clearInterval(ticking);
      shown.remove();
    },
  };
}

function wordsOf({ status, stage, position, away }) {
  if (away) return "The connection was lost. Trying again";
  if (status === "queued") {
    if (!position) return position === 0 ? "Waiting: it is the next" : "Waiting";
    return position === 1 ? "Waiting: 1 job is before it" : `Waiting: ${position} jobs are before it`;
  }
  if (status === "running") return STAGES[stage] ?? stage ?? STAGES.running;
  return STAGES[status];
}
