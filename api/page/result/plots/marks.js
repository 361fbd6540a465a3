// Marks of clusters: in the cluster's colour, and known by its label to who points at them.

import { styled, svg } from "../dom.js";

/** A filled shape of a cluster; noise and what belongs to several is grey. */
export function fill(d, label, palette) {
  return colored(svg("path", { d, class: label >= 0 && label !== null ? "fill" : "fill none" }), label, palette);
}

/** The element in its cluster's colour. */
export function colored(made, label, palette) {
  return palette[label] ? styled(made, { "--color": palette[label].hex }) : made;
}

/** The element, which `follow` finds under the pointer; its name is told too. */
export function marked(made, label, palette) {
  if (label === null) return made;
  made.setAttribute("data-label", label);
  made.prepend(svg("title", {}, palette[label] ? `${palette[label].name.name} ${palette[label].hex}` : "noise"));
  return made;
}

/** Light up the cluster whose mark is pointed at in `element`. */
export function follow(element, spot, signal) {
  element.addEventListener("pointerover", (event) => {
    const mark = event.target.closest("[data-label]");
    spot.light(mark ? Number(mark.dataset.label) : null);
  }, { signal });
  element.addEventListener("pointerleave", () => spot.light(null), { signal });
}
