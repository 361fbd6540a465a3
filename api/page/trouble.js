// What went wrong, in the service's own sentence, with the way out as a button where there is one.

import { coded, element } from "./element.js";

// By the code: what to change, and how that is called. Codes that end by themselves are tried again.
const WAYS_OUT = {
  nothing_to_cluster: ["Count all pixels", { region: null, exclude: [] }],
  out_of_memory: ["Scale it down to 1 megapixel", { max_pixels: 1_000_000 }],
  timeout: ["Scale it down to 1 megapixel", { max_pixels: 1_000_000 }],
  too_many_colors: ["Scale it down to half a megapixel", { max_pixels: 500_000 }],
  too_many_pixels: ["Take the exact engine", { engine: "exact" }],
};
// Where neither a region nor colours are left out, all of it is transparent.
const ALL_TRANSPARENT = ["Lay it on white", { alpha: "blend:#ffffff" }];
const OF_FILE = ["unreadable", "unsupported_image", "broken_image", "upload_too_large", "image_too_large"];
const FINAL = [...OF_FILE, "not_found", "expired"];

// `ask(changes)` does the same again with changed parameters; without it there is only what is to be read. `params`
// are those that it came with.
export function troubleOf({ code, message, retryAfter }, ask, params = {}) {
  const [words, changes] = wayOut(code, params) ?? ["Try again", {}];
  // A quota that no waiting helps against names no time.
  const isFinal = FINAL.includes(code) || (code === "quota_exceeded" && !retryAfter);
  const out = ask && !isFinal && element("button", { type: "button", onclick: () => ask(changes) }, words);
  const name = element("p", { class: "quiet" }, code);
  return element("div", { class: "trouble", role: "alert" }, element("p", {}, coded(message)), out, name);
}

function wayOut(code, { region, exclude }) {
  return code === "nothing_to_cluster" && !region && !exclude?.length ? ALL_TRANSPARENT : WAYS_OUT[code];
}
