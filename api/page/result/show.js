// A finished job, shown: what stands where. Each room is a file or a folder beside this one.

import { codeTabs } from "./code.js";
import { html } from "./dom.js";
import { downloads } from "./downloads.js";
import { fileNamed, missing, shownFile, unshown } from "./missing.js";
import { count, counted } from "../numbers.js";
import { paletteRoom } from "./palette.js";
import { pictureRoom } from "./picture/view.js";
import { plotTabs } from "./plots/view.js";
import { notes, quality } from "./quality.js";
import { sheets } from "./sheets.js";
import { spaceRoom } from "./space/view.js";
import { makeSpotlight } from "./spotlight.js";
import { table } from "./table.js";
import { tabs } from "./tabs.js";

// Nothing is shown before its looks are there: it would jump.
await sheets;

const MOST_SHOWN = 256; // colours: a result may have 65,536

/**
 * Show a job that succeeded in the empty element `place`.
 *
 * `finished` is {job, picture, settings, api}: the JSON of the job with its result; the image as a Blob, or null; the
 * parameters that were posted; and how the service is asked, `api.json(href)` and `api.blob(href)`. `ask(changes)`
 * starts another job on the same picture. Returns {close()}, which frees all that is held.
 */
export function showResult(place, { job, picture, settings, api }, ask) {
  const life = new AbortController();
  const { signal } = life;
  const { result } = job;
  const spot = makeSpotlight();
  const { status, say } = makeStatus();
  const entries = result.palette.slice(0, MOST_SHOWN);

  place.append(html("div", { class: "result-body" },
    pictureRoom(job, picture, api, spot, signal),
    paletteRoom(entries, result.noise.proportion, spot, say, signal),
    more(result, entries),
    ...notes(result),
    tabs("Looking closer", [
      ["3-D", () => spaceRoom(result, api, spot, ask, signal)],
      ...plotTabs(result, api, spot, ask, signal),
      ...sweepTab(result, api, ask, signal),
      ["Table", () => table(entries, result.noise, say, signal)],
      ["Quality", () => quality(job)],
    ], signal),
    tabs("Taking away", [
      ["Files", () => downloads(job, api, say, signal)],
      ...codeTabs(job, settings, say, signal),
    ], signal),
    status));
  return {
    close() {
      life.abort();
      place.replaceChildren();
    },
  };
}

/** What is said aloud; what has `failed` is seen as well, wherever one is. */
function makeStatus() {
  const status = html("p", { role: "status", class: "result-unseen" });
  const say = (words, failed = false) => {
    status.textContent = words;
    status.className = failed ? "failed" : "result-unseen";
  };
  return { status, say };
}

function more({ palette }, entries) {
  if (palette.length === entries.length) return null;
  const [some, all] = [count(entries.length), counted(palette.length, "colour")];
  return html("p", { class: "told" }, `The ${some} largest of ${all} are shown; the palette's files have all.`);
}

/** The animation through the numbers that were tried, where the number was chosen. */
function sweepTab(result, api, ask, signal) {
  if (!result.selection) return [];
  const file = fileNamed(result, "sweep.gif");
  const alt = "The picture in each number of colours that was tried, one after the other, then as it is.";
  const lacking = () => missing("The animation was not asked for.", "sweep", result, ask, signal);
  return [["Animation", () => (file ? sweep(file, alt, api, signal) : lacking())]];
}

/** An animation moves by itself: who wants no motion starts it. */
async function sweep(file, alt, api, signal) {
  const image = () => shownFile(file, alt, api, signal);
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) return image();
  const start = html("button", { type: "button" }, "Play the animation");
  start.addEventListener("click", async () => start.replaceWith(await image().catch(unshown)), { signal });
  return start;
}
