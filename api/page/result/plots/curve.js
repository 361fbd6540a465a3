// How good each number of clusters is; another one is asked for by clicking it.

import { html, svg } from "../dom.js";
import { counted, plain } from "../../numbers.js";
import { chart, powerText, scaled, through } from "./chart.js";

const MEASURES = {
  inertia: "inertia (squared distance)", silhouette: "silhouette", calinski_harabasz: "Calinski-Harabasz index",
  davies_bouldin: "Davies-Bouldin index", bic: "BIC",
};
const NAMES = {
  silhouette: "Silhouette", calinski_harabasz: "Calinski-Harabasz index", davies_bouldin: "Davies-Bouldin index",
  bic: "BIC",
};
const LOWEST_IS_BEST = ["davies_bouldin", "bic"];
const HEIGHT = 210;

/** What is seen, from a result's `selection`. */
export function curveTitle({ criterion, chosen, curve }) {
  const colors = counted(chosen, "colour");
  if (curve.length === 1) return `Only ${colors} could be tried`;
  if (criterion === "elbow") return `The inertia bends most at ${colors}`;
  return `${NAMES[criterion]} is ${LOWEST_IS_BEST.includes(criterion) ? "lowest" : "highest"} at ${colors}`;
}

/** The inertia, and below it the criterion, or the silhouette; `choose(number)` when another one is clicked. */
export function drawCurve(selection, width, choose) {
  const second = selection.criterion === "elbow" ? "silhouette" : selection.criterion;
  const columns = columnsOf(selection, choose);
  return html("div", { class: "curves" },
    line(selection, "inertia", width, columns), line(selection, second, width, columns));
}

function line({ curve, chosen }, name, width, columns) {
  const known = curve.filter((entry) => entry[name] !== null);
  const values = known.map((entry) => entry[name]);
  const numbers = curve.map((entry) => entry.n_clusters);
  const most = Math.max(...values.map(Math.abs), 0);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const apart = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  const made = chart(width, {
    name: `${MEASURES[name]} by the number of clusters`, role: "group",
    x: {
      ends: [numbers[0] - 0.5, numbers.at(-1) + 0.5], label: "number of clusters", format: plain,
      ticks: thinned(numbers, width),
    },
    y: values.length
      ? { ends: [low - apart, high + apart], label: MEASURES[name] + powerText(most), format: scaled(most) }
      : { ends: [0, 1], label: `${MEASURES[name]}: undefined`, format: null },
    height: HEIGHT,
  });
  const points = known.map((entry) => [made.x(entry.n_clusters), made.y(entry[name])]);
  made.add(...mark(chosen, numbers, made));
  if (points.length) made.add(svg("path", { class: "curve", d: through(points) }));
  made.add(...points.map(([cx, cy], at) => {
    const isChosen = known[at].n_clusters === chosen;
    return svg("circle", { cx, cy, r: isChosen ? 5 : 3.5, class: isChosen ? "dot chosen" : "dot" });
  }));
  made.add(columns(made, name));
  return made.element;
}

/** Every number, or every second, fifth, ... where they would stand too close. */
function thinned(numbers, width) {
  const by = [1, 2, 5, 10, 20].find((step) => (numbers.length / step) * 26 < width - 80) ?? 20;
  return numbers.filter((number) => by === 1 || number % by === 0);
}

/** A line at the choice with its label beside it, where the curve is not: low at its beginning, high later on. */
function mark(chosen, numbers, { x, area }) {
  const early = numbers.indexOf(chosen) <= numbers.length / 4;
  const leftwards = !early && x(chosen) > area.right - 80;
  return [
    svg("path", { class: "chosen-line", d: `M${x(chosen)} ${area.top}V${area.bottom}` }),
    svg("text", { class: "label told", x: x(chosen) + (leftwards ? -6 : 6), y: early ? area.bottom - 6 : area.top + 10,
      "text-anchor": leftwards ? "end" : "start" }, `${chosen} chosen`),
  ];
}

/**
 * A column over each number, to be clicked or, with one stop for Tab, gone through by arrows and chosen by Enter. Only
 * the first chart's can be reached by keys: the second's are the same.
 */
function columnsOf({ curve, chosen }, choose) {
  return (made, name) => {
    const columns = curve.map((entry) => column(entry, name, chosen, made, choose));
    if (name !== "inertia") return svg("g", { "aria-hidden": "true" }, ...columns);
    columns.forEach((each, at) => reached(each, curve[at].n_clusters === chosen));
    const group = svg("g", { role: "group", "aria-label": "Numbers that were tried" }, ...columns);
    group.addEventListener("keydown", (event) => byKey(event, columns));
    return group;
  };
}

function column(entry, name, chosen, { x, area }, choose) {
  const { n_clusters: number, [name]: value } = entry;
  const colors = counted(number, "colour");
  const what = number === chosen ? `${colors}, chosen` : `Ask for ${colors}`;
  const words = `${what}: ${MEASURES[name]} ${value === null ? "undefined" : plain(value)}`;
  const size = { x: x(number - 0.5), y: area.top, width: x(1) - x(0), height: area.bottom - area.top };
  const made = svg("rect", { ...size, class: "column", "data-number": number }, svg("title", {}, words));
  made.addEventListener("click", () => number !== chosen && choose(number));
  return made;
}

function reached(made, isChosen) {
  const words = made.querySelector("title").textContent;
  const attributes = { role: "button", "aria-label": words, "aria-disabled": isChosen, tabindex: isChosen ? 0 : -1 };
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
}

function byKey(event, columns) {
  const from = columns.indexOf(event.target);
  const to = { ArrowRight: from + 1, ArrowLeft: from - 1, Home: 0, End: columns.length - 1 }[event.key];
  if (event.key === "Enter" || event.key === " ") event.target.dispatchEvent(new MouseEvent("click"));
  else if (columns[to]) {
    columns[from].setAttribute("tabindex", -1);
    columns[to].setAttribute("tabindex", 0);
    columns[to].focus();
  } else return;
  event.preventDefault();
}
