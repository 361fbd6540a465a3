// The colours as tiles that touch: one click copies.

import { NOTATIONS, slugs } from "./colors.js";
import { copy } from "./copying.js";
import { html, onWidth, styled } from "./dom.js";
import { ratio, share } from "../numbers.js";
import { lightsUp } from "./spotlight.js";

const MANY = 24; // from here on tiles are small
const LEAST_WIDTHS = { few: 124, many: 96 }; // CSS pixels of a tile
const ACCENTS = 3; // so many stand out enough to be told
const SHOWN_MS = 1500;
/** The tiles of `entries`: {element, arrange(labels), copyAs(notation)}. */
export function swatches(entries, spot, say, signal) {
  const accents = ranked(entries);
  const slug = slugs(entries);
  let notation = "hex";
  const copied = (entry) => copy(NOTATIONS[notation](entry, slug[entry.label]), say);
  const tiles = entries.map((entry) => tile(entry, accents.get(entry.label), copied, spot, signal));
  const kind = tiles.length > MANY ? "many" : "few";
  const element = html("ul", { class: `tiles ${kind}` });
  let inRow = tiles.length;
  const spread = () => widths(tiles.length, inRow).forEach((width, at) =>
    styled(element.children[at], { "flex-basis": width }));
  onWidth(element, (width) => {
    inRow = Math.max(1, Math.floor(width / LEAST_WIDTHS[kind]));
    spread();
  }, signal);
  const mark = (label) => tiles.forEach((each) => each.item.classList.toggle("under", each.entry.label === label));
  spot.hear({ lit: mark, under: mark }, signal);
  return {
    element,
    arrange(labels) {
      element.replaceChildren(...labels.map((label) => tiles[label].item));
      spread();
    },
    copyAs: (other) => (notation = other),
  };
}

/** Widths in percent of so many tiles, at most `inRow` in a row: rows are full, and as equal as they can be. */
function widths(number, inRow) {
  const rows = Math.ceil(number / inRow);
  return Array.from({ length: rows }, (_, row) => Math.floor((number + row) / rows))
    .sort((a, b) => b - a)
    .flatMap((length) => Array(length).fill(`calc(${100 / length}% - 0.01px)`));
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
  const attributes = { type: "button", title: entry.name.name, "data-label": entry.label };
  const made = html("button", { ...attributes, class: "tile" }, ...lines);
  styled(made, { "--color": entry.hex, "--text": entry.text });
  made.addEventListener("click", async () => (await copied(entry)) && flash(made), { signal });
  lightsUp(made, entry.label, spot, signal);
  return { entry, item: html("li", {}, made) };
}

function flash(made) {
  made.classList.add("copied");
  setTimeout(() => made.classList.remove("copied"), SHOWN_MS);
}
