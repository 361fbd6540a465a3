// The palette as a table: for screen readers, for reading numbers, for copying into a spreadsheet.

import { NOTATIONS } from "./colors.js";
import { copyButton } from "./copying.js";
import { html, styled } from "./dom.js";
import { count, deltaE, ratio, share } from "../numbers.js";

// Heading, what stands in the cell, and what is copied where that is more than what is shown.
const COLUMNS = [
  ["Hex", (entry) => entry.hex],
  ["Name", (entry) => entry.name.name],
  ["Share", (entry) => share(entry.proportion), (entry) => entry.proportion],
  ["Pixels", (entry) => count(entry.pixels), (entry) => entry.pixels],
  ["RGB", (entry) => entry.rgb.join(" ")],
  ["OKLCH", (entry) => NOTATIONS.oklch(entry).slice(6, -1)],
  ["On white", (entry) => ratio(entry.contrast.white), (entry) => entry.contrast.white],
  ["On black", (entry) => ratio(entry.contrast.black), (entry) => entry.contrast.black],
  ["Accent", (entry) => entry.accent.toFixed(2), (entry) => entry.accent],
  ["Spread ΔE", (entry) => (entry.spread === null ? "–" : deltaE(entry.spread)), (entry) => entry.spread ?? ""],
  ["Nearest in the image", (entry) => entry.medoid ?? "–"],
  ["Most frequent", (entry) => entry.mode ?? "–"],
];

/** The table of `entries`, with a button that copies it with tabs between the cells. */
export function table(entries, noise, say, signal) {
  const head = html("tr", {}, ...COLUMNS.map(([name]) => html("th", { scope: "col" }, name)));
  const rows = entries.map(row);
  if (noise.pixels > 0) rows.push(noiseRow(noise));
  const made = html("table", {},
    html("caption", {}, "The colours by their share of the clustered pixels"),
    html("thead", {}, head),
    html("tbody", {}, ...rows));
  const copies = copyButton("Copy the table", () => text(entries), "the table", say, signal);
  const region = { role: "region", "aria-label": "Table of colours", tabindex: 0 };
  return html("div", { class: "colortable" }, html("div", { ...region, class: "scroller" }, made), copies);
}

function row(entry) {
  const cells = COLUMNS.map(([, shown]) => shown(entry));
  const chip = styled(html("span", { class: "chip" }), { "--color": entry.hex });
  const first = html("th", { scope: "row" }, chip, cells[0]);
  return html("tr", {}, first, ...cells.slice(1).map((cell) => html("td", {}, cell)));
}

function noiseRow(noise) {
  const cells = ["", share(noise.proportion), count(noise.pixels), ...Array(COLUMNS.length - 4).fill("")];
  const first = html("th", { scope: "row" }, html("span", { class: "chip noise" }), "noise");
  return html("tr", {}, first, ...cells.map((cell) => html("td", {}, cell)));
}

function text(entries) {
  const lines = entries.map((entry) => COLUMNS.map(([, shown, exact]) => (exact ?? shown)(entry)));
  return [COLUMNS.map(([name]) => name), ...lines].map((cells) => cells.join("\t")).join("\n") + "\n";
}
