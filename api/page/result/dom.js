// What the rooms of a result make their elements with, beside what the whole page has.

import { drawn as svg, element as html, freshId } from "../element.js";

export { freshId, html, svg };

/** Set custom properties and styles on an element: through CSSOM, which the page's policy allows. */
export function styled(made, properties) {
  for (const [name, value] of Object.entries(properties)) made.style.setProperty(name, value);
  return made;
}

/** A button that does one thing for as long as `signal` lives. */
export function button(text, act, signal, attributes = {}) {
  const made = html("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", act, { signal });
  return made;
}

/** Lets the page answer to its user between two pieces of work. */
export const pause = () => new Promise((done) => setTimeout(done));

/**
 * A sentence on how an element is used, to stand behind it: read out with its name, and seen while it has the focus of
 * the keyboard, until a key is pressed.
 */
export function described(element, sentence, signal) {
  const text = html("p", { id: freshId("help"), class: "help" }, sentence);
  element.setAttribute("aria-describedby", text.id);
  element.addEventListener("keydown", () => (text.hidden = true), { signal });
  element.addEventListener("blur", () => (text.hidden = false), { signal });
  return text;
}

/** A row of radio buttons, the first or `chosen` being pressed; `act(value)` when another one is. */
export function choice(label, values, act, signal, chosen = values[0]) {
  const name = freshId("choice");
  const made = values.map((value) => {
    const input = html("input", { type: "radio", name, value, checked: value === chosen });
    input.addEventListener("change", () => act(value), { signal });
    return html("label", {}, input, html("span", {}, value));
  });
  return html("fieldset", { class: "choice" }, html("legend", {}, label), ...made);
}

/** Call `act(width, height)` with the element's size in CSS pixels, now and whenever it has another one. */
export function onSize(element, act, signal) {
  const observer = new ResizeObserver(([entry]) => {
    const { width, height } = entry.contentRect;
    if (width > 0 && height > 0) act(width, height);
  });
  observer.observe(element);
  signal.addEventListener("abort", () => observer.disconnect());
}

/** Call `draw(width)` with the element's width in whole CSS pixels, now and whenever it has another one. */
export function onWidth(element, draw, signal) {
  let last = 0;
  const observer = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width === 0 || width === last) return;
    last = width;
    draw(width);
  });
  observer.observe(element);
  signal.addEventListener("abort", () => observer.disconnect());
}

/** Call `act` when the page turns from light to dark or back, by the system or by a switch of its own. */
export function onTheme(act, signal) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", act, { signal });
  const observer = new MutationObserver(act);
  observer.observe(document.documentElement, { attributes: true });
  signal.addEventListener("abort", () => observer.disconnect());
}
