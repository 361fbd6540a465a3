// The last merges of agglomerative clustering as a tree, with the cut.

import { svg } from "../dom.js";
import { count, plain, share } from "../../numbers.js";
import { chart, powerText, scaled, through } from "./chart.js";
import { colored, marked } from "./marks.js";

const ROOM = 78; // CSS pixels at the right for the cut's label
const LEAST_TEXT = 15; // CSS pixels between two leaves that have their shares told

/** What is seen, from `dendrogram.json`. */
export function dendrogramTitle({ clusters, leaves }) {
  if (clusters === 1) return "All branches are one cluster";
  if (clusters > leaves) return `${count(clusters)} clusters are parts of the last ${leaves} branches`;
  return `${clusters} branches below the line are the clusters`;
}

export function drawDendrogram(found, palette, width) {
  const nodes = tree(found);
  const highest = Math.max(...found.merges.map(([, , height]) => height), 0);
  const made = chart(width, {
    name: dendrogramTitle(found),
    x: { ends: [-0.5, found.leaves - 0.5], label: below(found.leaves), format: null },
    y: {
      ends: [0, 1.05 * highest || 1], format: scaled(highest),
      label: `height of the merge (${found.linkage})${powerText(highest)}`,
    },
    height: 340, right: ROOM, bottom: 72,
  });
  for (const node of nodes.slice(found.leaves)) made.add(branch(node, made, palette));
  const total = found.sizes.reduce((sum, size) => sum + size, 0);
  for (const node of nodes.slice(0, found.leaves)) made.add(...leaf(node, made, palette, total, found.leaves));
  if (found.cut !== null) made.add(...cut(found, made));
  return made.element;
}

const below = (leaves) =>
  (leaves > 1 ? `the last ${leaves} branches, by their share of the pixels` : "the only branch");

/** Leaves and merges as {place, height, label, parts, size}: `place` counts leaves from the left, as drawn. */
function tree(found) {
  const nodes = found.sizes.map((size, at) => ({ place: at, height: 0, label: found.label[at], parts: [], size }));
  for (const [a, b, height, size] of found.merges) {
    const parts = [nodes[a], nodes[b]].sort((one, other) => one.height - other.height);
    nodes.push({ place: 0, height, label: parts[0].label === parts[1].label ? parts[0].label : null, parts, size });
  }
  let next = 0;
  const stand = (node) => {
    if (node.parts.length === 0) {
      node.place = next++;
      return;
    }
    node.parts.forEach(stand);
    node.place = (node.parts[0].place + node.parts[1].place) / 2;
  };
  stand(nodes.at(-1));
  return nodes;
}

function branch({ parts: [a, b], height, label }, { x, y }, palette) {
  const [left, right] = [x(a.place), x(b.place)];
  const d = through([[left, y(a.height)], [left, y(height)], [right, y(height)], [right, y(b.height)]]);
  if (label === null) return svg("path", { d, class: "branch none" });
  // A wider grey below keeps light colours to be seen.
  const under = svg("path", { d, class: "branch under" });
  const own = colored(svg("path", { d, class: "branch" }), label, palette);
  return marked(svg("g", {}, under, own), label, palette);
}

function leaf({ place, label, size }, { x, area }, palette, total, leaves) {
  const at = x(place);
  const square = { x: at - 3.5, y: area.bottom - 3.5, width: 7, height: 7 };
  const mark = svg("rect", { ...square, class: label === null ? "leaf none" : "leaf" });
  const made = [marked(svg("g", {}, colored(mark, label, palette)), label, palette)];
  if ((area.right - area.left) / leaves >= LEAST_TEXT) {
    const transform = `translate(${at + 4} ${area.bottom + 8}) rotate(-90)`;
    made.push(svg("text", { class: "tick", "text-anchor": "end", transform }, share(size / total)));
  }
  return made;
}

function cut({ cut: height, clusters }, { y, area }) {
  return [
    svg("path", { class: "chosen-line", d: `M${area.left} ${y(height)}H${area.right}` }),
    svg("text", { class: "label", x: area.right + 5, y: y(height) + 4 }, `${count(clusters)} clusters`),
  ];
}
