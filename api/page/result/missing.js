// Where a file was not asked for: a sentence, and a button that asks for it.

import { button, html } from "./dom.js";

/** `ask` starts the same job with `output` beside the outputs that it had. */
export function missing(sentence, output, result, ask, signal) {
  const act = () => ask({ outputs: [...new Set([...result.params.outputs, output])] });
  return html("p", { class: "missing" }, sentence, " ", button("Make it", act, signal));
}

/** In place of what could not be fetched or drawn. */
export const unshown = (error) => html("p", { role: "alert" }, `This could not be shown: ${error.message}`);

/** The result's file of that name; undefined where there is none. */
export const fileNamed = (result, name) => result.artifacts.find((file) => file.name === name);

/** A picture of the service's own, as an image that goes with `signal`. */
export async function shownFile(file, alt, api, signal) {
  const address = URL.createObjectURL(await api.blob(file.href));
  const free = () => URL.revokeObjectURL(address);
  if (signal.aborted) free();
  signal.addEventListener("abort", free);
  return html("img", { src: address, alt, class: "file" });
}
