// Sentences about a result.

import { count, share } from "../numbers.js";

/** What a label stands for: `steelblue #4682b4 12.3 %`. */
export function labelText(label, { palette, noise }) {
  if (label === -1) return `noise, ${share(noise.proportion)}`;
  const entry = palette[label];
  return entry ? `${entry.name.name} ${entry.hex} ${share(entry.proportion)}` : "left out";
}

const STAGES = {
  decode: "decoding", count: "counting colours", cluster: "clustering", measure: "measuring", render: "drawing",
};
export const stageName = (stage) => STAGES[stage] ?? stage;

/** `a, b and c`. */
export const listed = (words) => new Intl.ListFormat("en-GB").format(words);

/** `62,941 distinct colours`. */
export const distinct = (number) => `${count(number)} distinct ${number === 1 ? "colour" : "colours"}`;
