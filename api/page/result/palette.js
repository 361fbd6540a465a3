// The colours: the bar and the tiles in one order, and what they are sorted by and copied as.

import { bar } from "./bar.js";
import { NOTATIONS } from "./colors.js";
import { choice, html } from "./dom.js";
import { swatches } from "./swatches.js";

const GREY = 0.02; // chroma in Oklab below which a colour has no hue to be sorted by

const ORDERS = {
  share: (a, b) => b.proportion - a.proportion || a.label - b.label,
  hue: (a, b) => hueOf(a) - hueOf(b) || a.oklch[0] - b.oklch[0],
  lightness: (a, b) => b.oklch[0] - a.oklch[0],
};

/** Greys stand behind all hues. */
const hueOf = ({ oklch: [, chroma, hue] }) => (chroma < GREY ? 361 : hue);

/** Bar and tiles of `entries`; `noise` is a share of the clustered pixels. */
export function paletteRoom(entries, noise, spot, say, signal) {
  const rooms = [bar(entries, noise, spot, signal), swatches(entries, spot, say, signal)];
  const sort = (order) => {
    const labels = [...entries].sort(ORDERS[order]).map((entry) => entry.label);
    rooms.forEach((room) => room.arrange(labels));
  };
  sort("share");
  const tools = html("div", { class: "tools" },
    choice("Sort by", Object.keys(ORDERS), sort, signal),
    choice("Copy as", Object.keys(NOTATIONS), (notation) => rooms[1].copyAs(notation), signal));
  return html("div", { class: "colors" }, ...rooms.map((room) => room.element), tools);
}
