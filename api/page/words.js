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

// A parameter's name, or one of its words: `min_cluster_size` as "Min cluster size".
export function title(name) {
  const words = String(name).replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
