// What most people come for, by one click: parameters as the API takes them.

// So that there is something to look at: the recoloured picture, the colours in their space, the method's own plot.
export const OUTPUTS = ["recolored", "points", "plot"];

export const PRESETS = [
  { title: "Five main colours", params: { algorithm: "kmeans", outputs: OUTPUTS } },
  { title: "Find the number", params: { algorithm: "kmeans", n_clusters: "auto", outputs: [...OUTPUTS, "sweep"] } },
  { title: "Density: HDBSCAN", params: { algorithm: "hdbscan", outputs: OUTPUTS } },
  { title: "Density: OPTICS", params: { algorithm: "optics", outputs: OUTPUTS } },
  {
    title: "A brand’s palette",
    params: { algorithm: "assign", palette: ["#111111", "#f5f5f5", "#c8102e", "#00573f", "#ffb81c"], outputs: OUTPUTS },
  },
];
