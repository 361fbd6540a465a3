// Which pixels count: near-white left out, a region of the picture.

import { element } from "./element.js";

const REGIONS = [["Box", "box"], ["Polygon", "polygon"], ["Whole picture", null]];
const percent = (part) => `${Math.round(part * 100)} %`;

// `draw(kind)` a region, none with null; `leaveWhite(whether)`.
export function makePixels({ draw, leaveWhite }) {
  const white = element("input", { type: "checkbox", onchange: () => leaveWhite(white.checked) });
  const words = element("p", { class: "help", id: "region-words" });
  const button = ([title, kind]) => element("button", { type: "button", onclick: () => draw(kind) }, title);
  const group = { class: "buttons", role: "group", "aria-label": "Region", "aria-describedby": "region-words" };
  return {
    element: element(
      "fieldset",
      {},
      element("legend", {}, "Which pixels"),
      element("label", { class: "check" }, white, "Leave near-white out"),
      element("div", group, REGIONS.map(button)),
      words,
    ),
    show(region, withoutWhite) {
      white.checked = withoutWhite;
      words.textContent = wordsOf(region);
    },
  };
}

// What is said of a region.
export function wordsOf(region) {
  if (!region) return "All of the picture counts.";
  if (region.polygon) return `A polygon of ${region.polygon.length} corners counts.`;
  const [left, top, right, bottom] = region.box.map((part) => (region.unit === "fraction" ? percent(part) : part));
  return `The box from ${left}, ${top} to ${right}, ${bottom} counts.`;
}
