// HDBSCAN's condensed tree: icicles that grow thinner as density rises, the chosen ones in their colours.

import { svg } from "../dom.js";
import { count, plain } from "../../numbers.js";
import { chart, outline } from "./chart.js";
import { colored, marked } from "./marks.js";

/** What is seen, from `condensed_tree.json`. */
export function condensedTitle({ chosen }) {
  if (chosen === 0) return "No cluster holds together as density rises";
  return `${count(chosen)} ${chosen === 1 ? "cluster holds" : "clusters hold"} together as density rises`;
}

export function drawCondensedTree(found, palette, width) {
  const drawn = found.clusters.length;
  const below = drawn === found.of ? "pixels" : `pixels (the ${count(drawn)} largest of ${count(found.of)} clusters)`;
  const densest = Math.max(...found.clusters.flatMap(({ steps }) => steps.map(([density]) => density)), 0);
  const made = chart(width, {
    name: condensedTitle(found),
    x: { ends: [0, found.pixels], label: below, format: count },
    y: { ends: [0, 1.03 * densest || 1], label: "density (λ = 1 / distance)", format: plain, down: true },
  });
  for (const [cluster, label] of inherited(found.clusters)) made.add(icicle(cluster, label, made, palette));
  return made.element;
}

function icicle({ left, steps, label: own }, label, { x, y }, palette) {
  const leftSide = steps.map(([density]) => [x(left), y(density)]);
  const rightSide = steps.map(([density, pixels]) => [x(left + pixels), y(density)]).reverse();
  const kind = own === null ? "icicle" : "icicle chosen";
  const made = svg("path", { d: outline([...leftSide, ...rightSide]), class: label === null ? `${kind} none` : kind });
  return marked(svg("g", {}, colored(made, label, palette)), label, palette);
}

/** Each cluster with the label that it, or the one it is in, was chosen for; parents stand before their children. */
function inherited(clusters) {
  const labels = [];
  for (const { label, parent } of clusters) labels.push(label ?? labels[parent] ?? null);
  return clusters.map((cluster, at) => [cluster, labels[at]]);
}
