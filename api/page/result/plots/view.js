// Which plots a result has, and each as a tab's content: a title that says what is seen, and the drawing below it.

import { html, onWidth } from "../dom.js";
import { fileNamed, missing } from "../missing.js";
import { condensedTitle, drawCondensedTree } from "./condensed_tree.js";
import { curveTitle, drawCurve } from "./curve.js";
import { dendrogramTitle, drawDendrogram } from "./dendrogram.js";
import { follow } from "./marks.js";
import { drawReachability, reachabilityTitle } from "./reachability.js";

// Each method that makes a tree or an order: its file, the tab's name, title and drawing.
const PLOTS = {
  optics: ["reachability.json", "Reachability", reachabilityTitle, drawReachability],
  hdbscan: ["condensed_tree.json", "Condensed tree", condensedTitle, drawCondensedTree],
  agglomerative: ["dendrogram.json", "Dendrogram", dendrogramTitle, drawDendrogram],
};

/** Tabs [name, make] for what there is to plot of the result: the method's own, and the curve of a choice. */
export function plotTabs(result, api, spot, ask, signal) {
  const own = PLOTS[result.algorithm];
  const tabs = own ? [[own[1], () => methodPlot(own, result, api, spot, ask, signal)]] : [];
  if (result.selection) tabs.push(["Number of colours", () => curvePlot(result, ask, signal)]);
  return tabs;
}

async function methodPlot([name, , title, draw], result, api, spot, ask, signal) {
  const file = fileNamed(result, name);
  if (!file) return missing("The plot was not asked for.", "plot", result, ask, signal);
  const found = await api.json(file.href);
  signal.throwIfAborted();
  const made = figure(title(found), (width) => draw(found, result.palette, width), signal);
  follow(made, spot, signal);
  return made;
}

/** The curve stands in the result itself: it needs no file. */
function curvePlot({ algorithm, selection, params }, ask, signal) {
  // A criterion goes with a range only, and so do an animation through it and, where a method has no other, a plot.
  const ofRange = PLOTS[algorithm] ? ["sweep"] : ["sweep", "plot"];
  const outputs = params.outputs.filter((output) => !ofRange.includes(output));
  const choose = (number) => ask({ n_clusters: number, criterion: null, outputs });
  const made = figure(curveTitle(selection), (width) => drawCurve(selection, width, choose), signal);
  made.append(html("figcaption", { class: "note" }, `${selection.reason} Click another number to ask for it.`));
  return made;
}

/** A title with a drawing that is made anew for every width. */
function figure(title, draw, signal) {
  const sheet = html("div", { class: "sheet" });
  onWidth(sheet, (width) => sheet.replaceChildren(draw(width)), signal);
  return html("figure", { class: "plot" }, html("h2", {}, title), sheet);
}
