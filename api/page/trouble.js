// What went wrong, in the service's own sentence, with the way out as a button where there is one.

import { element } from "./element.js";

// By the code: what to change, and how that is called. Codes that end by themselves are tried again.
const WAYS_OUT = {
  nothing_to_cluster: ["Count all pixels", { region: null, exclude: [] }],
  out_of_memory: ["Scale it down to 1 megapixel", { max_pixels: 1_000_000 }],
  timeout: ["Scale it down to 1 megapixel", { max_pixels: 1_000_000 }],
  too_many_colors: ["Scale it down to half a megapixel", { max_pixels: 500_000 }],
  too_many_pixels: ["Take the exact engine", { engine: "exact" }],
};
const OF_FILE = ["unreadable", "unsupported_image", "broken_image", "upload_too_large", "image_too_large"];
const FINAL = [...OF_FILE, "not_found", "expired"];

// `ask(changes)` does the same again with changed parameters; without it there is only what is to be read.
export function troubleOf({ code, message }, ask) {
  const [words, changes] = WAYS_OUT[code] ?? ["Try again", {}];
  const out = ask && !FINAL.includes(code) && element("button", { type: "button", onclick: () => ask(changes) }, words);
  const name = element("p", { class: "quiet" }, code);
  return element("div", { class: "trouble", role: "alert" }, element("p", {}, message), out, name);
}
