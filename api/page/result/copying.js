// Copying text, and saying so.

import { button } from "./dom.js";

/** Copy `text` and tell it through `say`, as `what`. True where the browser allowed it. */
export async function copy(text, say, what = text) {
  const done = await written(text);
  if (done) say(`Copied ${what}`);
  else say("The browser did not allow copying: select the text and copy it by hand.", true);
  return done;
}

async function written(text) {
  // Pages that came over plain HTTP from another machine have no clipboard of the newer kind.
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      if (error.name !== "NotAllowedError") throw error;
    }
  }
  return copiedBySelection(text);
}

function copiedBySelection(text) {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "result-unseen";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  before?.focus({ preventScroll: true });
  return done;
}

const SHOWN_MS = 1500;

/** A button that copies what `text()` gives, and says so on itself too. */
export function copyButton(label, text, what, say, signal) {
  let timer = 0;
  const act = async () => {
    if (!(await copy(text(), say, what))) return;
    made.textContent = "Copied";
    clearTimeout(timer);
    timer = setTimeout(() => (made.textContent = label), SHOWN_MS);
  };
  const made = button(label, act, signal, { class: "copy" });
  signal.addEventListener("abort", () => clearTimeout(timer));
  return made;
}
