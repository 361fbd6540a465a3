// What most people come for, by one click: parameters as the API takes them.

// So that there is something to look at: the recoloured picture, the colours in their space.
const SEEN = ["recolored", "points"];
// And a plot where there is one: of a tree, of an order, of several numbers that were tried.
const PLOTTED = [...SEEN, "plot"];
const WITH_PLOT = ["hdbscan", "optics", "agglomerative"];

// What is asked for with a method as long as nobody has chosen otherwise.
export const outputsOf = (algorithm) => (WITH_PLOT.includes(algorithm) ? PLOTTED : SEEN);

export const PRESETS = [
  { title: "Five main colours", params: { algorithm: "kmeans", outputs: SEEN } },
  { title: "Find the number", params: { algorithm: "kmeans", n_clusters: "auto", outputs: [...PLOTTED, "sweep"] } },
  { title: "Density: HDBSCAN", params: { algorithm: "hdbscan", outputs: PLOTTED } },
  { title: "Density: OPTICS", params: { algorithm: "optics", outputs: PLOTTED } },
  {
    title: "A brand’s palette",
    params: { algorithm: "assign", palette: ["#111111", "#f5f5f5", "#c8102e", "#00573f", "#ffb81c"], outputs: SEEN },
  },
];
