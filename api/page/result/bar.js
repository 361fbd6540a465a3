// The palette as a bar to scale. Text that finds no room on its colour stands under the bar, at a hairline.

import { html, onWidth, styled } from "./dom.js";
import { share } from "../numbers.js";
import { lightsUp } from "./spotlight.js";

const LEAST_SHARE = 0.03;
const WIDE = 76; // pixels that a hex code and a share take side by side with the edges; else they stand upright
const NARROW = 18; // pixels that a line of upright text takes
const MOST_TOLD = 12; // to who does not see the bar; the table has all
const ROWS = 3; // of text under the bar
const ROW = 20; // pixels
const CHARACTER = 7.3; // pixels, about, of 13 pixels' text

/** The bar of `entries` and `noise`, a share of the clustered pixels: {element, arrange(labels)}; noise stands last. */
export function bar(entries, noise, spot, signal) {
  let parts = entries.map((entry) => segment(entry, spot, signal));
  if (noise > 0) parts.push(noiseSegment(noise, spot, signal));
  const strip = html("div", { class: "bar-strip" }, ...parts.map((part) => part.made));
  const flags = html("div", { class: "flags", "aria-hidden": "true" });
  const whole = html("div", { class: "bar", role: "img", "aria-label": described(entries, noise) }, strip, flags);
  const mark = (label) => parts.forEach((part) => part.made.classList.toggle("under", label === part.label));
  spot.hear({ lit: mark, under: mark }, signal);
  let width = 0;
  onWidth(strip, (now) => layOut(parts, flags, (width = now)), signal);
  return {
    element: whole,
    arrange(labels) {
      const place = new Map(labels.map((label, at) => [label, at]));
      parts = [...parts].sort((a, b) => (place.get(a.label) ?? Infinity) - (place.get(b.label) ?? Infinity));
      strip.replaceChildren(...parts.map((part) => part.made));
      if (width > 0) layOut(parts, flags, width);
    },
  };
}

function described(entries, noise) {
  const told = entries.slice(0, MOST_TOLD).map((entry) => `${entry.name.name} ${share(entry.proportion)}`);
  if (entries.length > MOST_TOLD) told.push(`${entries.length - MOST_TOLD} more`);
  if (noise > 0) told.push(`noise ${share(noise)}`);
  return `Bar to scale: ${told.join(", ")}`;
}

function segment(entry, spot, signal) {
  const made = html("div", { class: "segment", "data-label": entry.label });
  styled(made, { "--color": entry.hex, "--text": entry.text, "flex-grow": entry.proportion });
  lightsUp(made, entry.label, spot, signal);
  return { made, label: entry.label, share: entry.proportion, words: [entry.hex, share(entry.proportion)] };
}

function noiseSegment(noise, spot, signal) {
  const made = html("div", { class: "segment noise", "data-label": -1 });
  styled(made, { "flex-grow": noise });
  lightsUp(made, -1, spot, signal);
  return { made, label: -1, share: noise, words: ["noise", share(noise)] };
}

function layOut(parts, flags, width) {
  const total = parts.reduce((sum, part) => sum + part.share, 0) || 1;
  let left = 0;
  const outside = [];
  for (const part of parts) {
    const own = (part.share / total) * width;
    const inside = part.share >= LEAST_SHARE && own >= NARROW;
    part.made.replaceChildren(...(inside ? part.words.map((word) => html("span", {}, word)) : []));
    part.made.classList.toggle("upright", inside && own < WIDE);
    if (!inside && part.share > 0) outside.push({ at: left + own / 2, text: part.words.join(" "), share: part.share });
    left += own;
  }
  const placed = places(outside, width);
  flags.replaceChildren(...placed.flatMap(drawnFlag));
  styled(flags, { height: `${placed.length ? (1 + Math.max(...placed.map((flag) => flag.row))) * ROW + 4 : 0}px` });
}

/**
 * Where texts stand under the bar: the largest shares first, each in the highest row in which it and its hairline cross
 * nothing. What finds no place is left out: all colours stand below with their numbers.
 */
function places(wanted, width) {
  const placed = [];
  for (const flag of [...wanted].sort((a, b) => b.share - a.share)) {
    const long = flag.text.length * CHARACTER + 8;
    if (long > width) continue;
    const begin = Math.max(0, Math.min(flag.at - long, width - long));
    for (let row = 0; row < ROWS; row++) {
      const place = { ...flag, row, begin, end: begin + long };
      if (placed.some((other) => cross(place, other))) continue;
      placed.push(place);
      break;
    }
  }
  return placed;
}

function cross(one, other) {
  if (one.row === other.row && one.begin < other.end && other.begin < one.end) return true;
  return strikes(one, other) || strikes(other, one) || Math.abs(one.at - other.at) < 3;
}

/** Whether the hairline of `one` goes through the text of `other`. */
const strikes = (one, other) => one.row >= other.row && one.at > other.begin - 1 && one.at < other.end - 1;

function drawnFlag(flag) {
  const line = styled(html("div", { class: "hairline" }), {
    left: `${flag.at}px`, height: `${flag.row * ROW + ROW - 4}px`,
  });
  const rightwards = flag.end > flag.at + 1;
  const text = styled(html("div", { class: rightwards ? "flag rightwards" : "flag" }, flag.text), {
    left: `${flag.begin}px`, width: `${flag.end - flag.begin}px`, top: `${flag.row * ROW + 4}px`,
  });
  return [line, text];
}
