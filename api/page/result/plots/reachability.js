// OPTICS' reachability plot: valleys are clusters.

import { svg } from "../dom.js";
import { count, counted, plain } from "../../numbers.js";
import { chart, outline, through } from "./chart.js";
import { fill, marked } from "./marks.js";

const STRIP = 8; // CSS pixels below the plot that show clusters which lie at 0 too

/** What is seen, from `reachability.json`. */
export function reachabilityTitle({ label }) {
  const clusters = new Set(label.filter((each) => each >= 0)).size;
  if (clusters === 0) return "No valley is a cluster";
  return clusters === 1 ? "1 valley is a cluster" : `${count(clusters)} valleys are clusters`;
}

export function drawReachability(found, palette, width) {
  const most = Math.max(...found.reachability.filter((value) => value !== null), 0);
  const top = 1.05 * most || 1;
  const edges = [...found.first, found.pixels];
  const heights = found.reachability.map((value) => value ?? top);
  const made = chart(width, {
    name: `${reachabilityTitle(found)}, of ${counted(found.pixels, "pixel")}`,
    x: { ends: [0, found.pixels], label: "pixels in OPTICS' order", format: count },
    y: { ends: [0, top], label: `reachability (${found.space} units)`, format: plain },
  });
  const { x, y, area } = made;
  const step = (at) => [[x(edges[at]), y(heights[at])], [x(edges[at + 1]), y(heights[at])]];
  const steps = (from, to) => range(from, to).flatMap(step);
  for (const [from, to] of runs(found.label)) {
    const [left, right, label] = [x(edges[from]), x(edges[to]), found.label[from]];
    const shape = [[left, area.bottom], ...steps(from, to), [right, area.bottom]];
    const strip = `M${left} ${area.bottom + 1}H${right}V${area.bottom + STRIP - 2}H${left}Z`;
    const shapes = [outline(shape), strip].map((d) => fill(d, label, palette));
    made.add(marked(svg("g", {}, ...shapes), label, palette));
  }
  made.add(svg("path", { class: "edge", d: through(steps(0, heights.length)) }));
  return made.element;
}

const range = (from, to) => Array.from({ length: to - from }, (_, at) => from + at);

/** [first, the one after the last] of each run of equal labels. */
function runs(labels) {
  const cuts = [0, ...range(1, labels.length).filter((at) => labels[at] !== labels[at - 1]), labels.length];
  return cuts.slice(1).map((end, at) => [cuts[at], end]);
}
