// The colours as tiles that touch: one click copies.

import { NOTATIONS, slugs } from "./colors.js";
import { copy } from "./copying.js";
import { choice, html, onWidth, styled } from "./dom.js";
import { ratio, share } from "./numbers.js";
import { lightsUp } from "./spotlight.js";

const MANY = 24; // from here on tiles are small
const LEAST_WIDTHS = { few: 124, many: 88 }; // CSS pixels of a tile
const ACCENTS = 3; // so many stand out enough to be told
const SHOWN_MS = 1500;
const GREY = 0.02; // chroma in Oklab below which a colour has no hue to be sorted by

const ORDERS = {
  share: (a, b) => b.proportion - a.proportion || a.label - b.label,
  hue: (a, b) => hueOf(a) - hueOf(b) || a.oklch[0] - b.oklch[0],
  lightness: (a, b) => b.oklch[0] - a.oklch[0],
};

/** Greys stand behind all hues. */
const hueOf = ({ oklch: [, chroma, hue] }) => (chroma < GREY ? 361 : hue);

/** The tiles of `entries` with what sorts them and what they are copied as. */
export function swatches(entries, spot, say, signal) {
  const accents = ranked(entries);
  const slug = slugs(entries);
  const chosen = { notation: "hex" };
  const copied = (entry) => copy(NOTATIONS[chosen.notation](entry, slug[entry.label]), say);
  const tiles = entries.map((entry) => tile(entry, accents.get(entry.label), copied, spot, signal));
  const kind = entries.length > MANY ? "many" : "few";
  const list = html("ul", { class: `tiles ${kind}` }, ...tiles.map((each) => each.item));
  onWidth(list, (width) => styled(list, { "--columns": columns(tiles.length, width, LEAST_WIDTHS[kind]) }), signal);
  const sort = (order) => {
    const sorted = [...tiles].sort((a, b) => ORDERS[order](a.entry, b.entry));
    list.replaceChildren(...sorted.map((each) => each.item));
  };
  const mark = (label) => tiles.forEach((each) => each.item.classList.toggle("under", each.entry.label === label));
  spot.hear({ lit: mark, under: mark }, signal);
  const tools = html("div", { class: "tools" },
    choice("Sort by", Object.keys(ORDERS), sort, signal),
    choice("Copy as", Object.keys(NOTATIONS), (notation) => (chosen.notation = notation), signal));
  return html("div", { class: "swatches" }, list, tools);
}

/** How many stand in a row, so that rows are about equally long. */
function columns(number, width, least) {
  const rows = Math.ceil(number / Math.max(1, Math.floor(width / least)));
  return Math.ceil(number / Math.max(1, rows));
}

/** The first few labels by falling accent, with their place: 1 is the first. */
function ranked(entries) {
  const order = [...entries].sort((a, b) => b.accent - a.accent).filter((entry) => entry.accent > 0);
  return new Map(order.slice(0, ACCENTS).map((entry, place) => [entry.label, place + 1]));
}

function tile(entry, accent, copied, spot, signal) {
  const lines = [
    html("span", { class: "name" }, entry.name.name),
    html("span", { class: "hex" }, entry.hex),
    html("span", { class: "share" }, share(entry.proportion)),
    html("span", { class: "contrast" }, `contrast ${ratio(Math.max(entry.contrast.white, entry.contrast.black))}`),
    accent ? html("span", { class: "accent" }, `accent ${accent}`) : null,
  ];
  const made = html("button", { type: "button", class: "tile", "data-label": entry.label }, ...lines);
  styled(made, { "--color": entry.hex, "--text": entry.text });
  made.addEventListener("click", async () => (await copied(entry)) && flash(made), { signal });
  lightsUp(made, entry.label, spot, signal);
  return { entry, item: html("li", {}, made) };
}

function flash(made) {
  made.classList.add("copied");
  setTimeout(() => made.classList.remove("copied"), SHOWN_MS);
}
