// Numbers as people read them. The space before a unit does not break.

const GAP = "\u00a0";
const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 4 });

/** A share of 0..1: one decimal, and what is smaller in words. */
export const share = (part) => (part > 0 && part < 0.001 ? `<${GAP}0.1${GAP}%` : `${(100 * part).toFixed(1)}${GAP}%`);

/** A whole number with its thousands apart. */
export const count = (number) => whole.format(number);

/** `1 colour`, `8 colours`. */
export const counted = (number, one, several = `${one}s`) => `${count(number)}${GAP}${number === 1 ? one : several}`;

/** A time: in milliseconds below one second. */
export function duration(milliseconds) {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)}${GAP}s`;
  return milliseconds > 0 && milliseconds < 1 ? `<${GAP}1${GAP}ms` : `${Math.round(milliseconds)}${GAP}ms`;
}

/** A file's size. */
export function size(bytes) {
  if (bytes < 1000) return counted(bytes, "byte");
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)}${GAP}kB`;
  return `${(bytes / 1_000_000).toFixed(1)}${GAP}MB`;
}

/** How many pixels a picture has. */
export const pixels = (number) =>
  number < 100_000 ? counted(number, "pixel") : `${(number / 1_000_000).toFixed(1)}${GAP}megapixels`;

/** A difference of colours, CIEDE2000. */
export const deltaE = (difference) => difference.toFixed(1);

/** A ratio of contrast, as WCAG writes it. Cut off and not rounded: what shows 4.5 has it. */
export const ratio = (contrast) => `${(Math.floor(contrast * 10) / 10).toFixed(1)}:1`;

/** Any number, with four digits that count. */
export const plain = (number) => (Math.abs(number) >= 1e7 ? number.toExponential(2) : short.format(number));

/** Round numbers from `low` to `high`, about `wanted` of them, for an axis. */
export function ticks(low, high, wanted) {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}
