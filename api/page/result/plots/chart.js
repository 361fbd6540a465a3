// What all plots share: a drawing with axes in CSS pixels, so that text has one size at every width.

import { svg } from "../dom.js";
import { plain, ticks } from "../../numbers.js";

export const HEIGHT = 300;
const LEFT = 60;
const RIGHT = 16;
const [TOP, BOTTOM] = [28, 44];

/**
 * Axes of `width` and `height` CSS pixels over x and y, each {ends: [low, high], label, format, ticks, down}; without
 * `format` an axis has no numbers; `down` lets the low end stand above. `right` and `bottom` make room for labels;
 * `name` is for who does not see it.
 * Returns {element, x(value), y(value), area: {left, right, top, bottom}, add(...marks)}.
 */
export function chart(width, { x, y, name, role = "img", height = HEIGHT, right = RIGHT, bottom = BOTTOM }) {
  const area = { left: LEFT, right: Math.max(width - right, LEFT + 40), top: TOP, bottom: height - bottom };
  const across = scale(x.ends, [area.left, area.right]);
  const down = scale(y.ends, y.down ? [area.top, area.bottom] : [area.bottom, area.top]);
  const marks = svg("g", {});
  const viewBox = `0 0 ${width} ${height}`;
  const element = svg("svg", { width, height, viewBox, class: "chart", role, "aria-label": name },
    ...grid(y, down, area), ...foot(x, across, area),
    svg("path", { class: "axis", d: `M${area.left} ${area.top}V${area.bottom}H${area.right}` }), marks,
    svg("text", { class: "label", x: width / 2, y: height - 6, "text-anchor": "middle" }, x.label),
    svg("text", { class: "label", x: 0, y: 13 }, y.label));
  return { element, x: across, y: down, area, add: (...made) => marks.append(...made) };
}

function scale([low, high], [from, to]) {
  const by = high > low ? (to - from) / (high - low) : 0;
  return (value) => from + (value - low) * by;
}

function grid(y, down, area) {
  if (!y.format) return [];
  return ticks(...y.ends, 5).flatMap((value) => [
    svg("path", { class: "grid", d: `M${area.left} ${down(value)}H${area.right}` }),
    svg("text", { class: "tick", x: area.left - 6, y: down(value) + 4, "text-anchor": "end" }, y.format(value)),
  ]);
}

function foot(x, across, area) {
  if (!x.format) return [];
  const values = x.ticks ?? ticks(...x.ends, Math.floor((area.right - area.left) / 90));
  return values.map((value) =>
    svg("text", { class: "tick", x: across(value), y: area.bottom + 16, "text-anchor": "middle" }, x.format(value)));
}

/** The polygon through [x, y] pairs. */
export const outline = (points) => `M${points.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}Z`;
export const through = (points) => `M${points.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}`;
const round = (value) => Math.round(value * 10) / 10;

/** A number on an axis whose largest is `most`: large ones in powers of ten, which `powerText` tells once. */
export const scaled = (most) => (value) => plain(value / 10 ** power(most));
export function powerText(most) {
  const raised = String(power(most)).replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
  return power(most) === 0 ? "" : `, × 10${raised}`;
}
const power = (most) => (most < 10_000 ? 0 : Math.floor(Math.log10(most)));
