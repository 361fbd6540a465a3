// Numbers and names as people read them.

const LIST = new Intl.NumberFormat("en");

export const count = (number) => LIST.format(number);

export function bytes(number) {
  if (number < 1000) return `${number} bytes`;
  if (number < 1e6) return `${(number / 1e3).toFixed(number < 1e4 ? 1 : 0)} kB`;
  return `${(number / 1e6).toFixed(1)} MB`;
}

export function pixels(number) {
  return number < 1e5 ? `${count(number)} pixels` : `${(number / 1e6).toFixed(1)} megapixels`;
}

export function time(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

// A word of the API's, such as `davies_bouldin`.
export const plain = (word) => String(word).replaceAll("_", " ");

// A parameter's name as a title: `n_clusters` as "Number of clusters".
export function title(name) {
  const words = plain(name).replace(/^n /, "number of ").replace(/\bcolor/g, "colour");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// What stands before the colon of a method's description, which is what people call it.
export const methodName = (schema) => schema.description.split(":")[0];
