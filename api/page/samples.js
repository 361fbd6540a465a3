// Three pictures to begin with, drawn here: they need no network and belong to nobody.

import { element } from "./element.js";

const WIDTH = 960;
const HEIGHT = 640;
const SHOWN = 240;

export const SAMPLES = [
  { name: "hills", title: "Hills", draw: hills },
  { name: "tiles", title: "Tiles", draw: tiles },
  { name: "beads", title: "Beads", draw: beads },
];

// A button for each: `take` gets a file.
export function showSamples(list, take) {
  for (const sample of SAMPLES) {
    const pick = async () => take([await fileOf(sample)]);
    const picture = canvasOf(sample, SHOWN);
    picture.setAttribute("aria-hidden", "true");
    list.append(element("li", {}, element("button", { class: "sample", onclick: pick }, picture, sample.title)));
  }
}

function canvasOf(sample, width) {
  const canvas = element("canvas", { width, height: (width * HEIGHT) / WIDTH });
  const pen = canvas.getContext("2d");
  pen.scale(width / WIDTH, width / WIDTH);
  sample.draw(pen, randomNumbers(7));
  return canvas;
}

// As lossless WebP, which Chromium encodes off the main thread; as PNG where a browser makes none.
async function fileOf(sample) {
  const content = await new Promise((made) => canvasOf(sample, WIDTH).toBlob(made, "image/webp", 1));
  return new File([content], `${sample.name}.${content.type.split("/")[1]}`, { type: content.type });
}

// The same in every browser (mulberry32, by Tommy Ettinger, public domain).
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// An evening: ridge behind ridge, each darker than the one before.
function hills(pen, random) {
  const sky = pen.createLinearGradient(0, 0, 0, HEIGHT * 0.7);
  sky.addColorStop(0, "#31497a");
  sky.addColorStop(0.55, "#d98a6a");
  sky.addColorStop(1, "#f6d9a0");
  pen.fillStyle = sky;
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  disc(pen, 660, 300, 54, "#fff1c9");
  for (const [level, color] of [[330, "#b3736f"], [400, "#84566d"], [480, "#4d3f5e"], [560, "#241f38"]]) {
    const [slow, fast] = [random() * 6, random() * 6];
    pen.fillStyle = color;
    pen.beginPath();
    pen.moveTo(0, HEIGHT);
    for (let x = 0; x <= WIDTH; x += 4) {
      pen.lineTo(x, level + 40 * Math.sin(x / 150 + slow) + 14 * Math.sin(x / 37 + fast));
    }
    pen.lineTo(WIDTH, HEIGHT);
    pen.fill();
  }
}

// Glazed tiles in six colours, none quite like the other, on white joints.
function tiles(pen, random) {
  const glazes = [[14, 70, 46], [42, 82, 58], [168, 38, 40], [205, 52, 42], [224, 36, 26], [36, 30, 88]];
  pen.fillStyle = "#fcfcfa";
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  const side = 80;
  for (let y = 0; y < HEIGHT; y += side) {
    for (let x = 0; x < WIDTH; x += side) {
      const [hue, saturation, lightness] = glazes[Math.floor(random() * random() * glazes.length)];
      const shade = (spread) => (random() - 0.5) * spread;
      pen.fillStyle = `hsl(${hue + shade(6)} ${saturation + shade(8)}% ${lightness + shade(9)}%)`;
      pen.fillRect(x + 3, y + 3, side - 6, side - 6);
    }
  }
}

// Beads on dark cloth, lit from the upper left.
function beads(pen, random) {
  pen.fillStyle = "#1d2326";
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  const hues = [[2, 72], [28, 84], [50, 88], [150, 45], [192, 70], [320, 48]];
  for (let bead = 0; bead < 170; bead += 1) {
    const [hue, saturation] = hues[Math.floor(random() * hues.length)];
    const [x, y, radius] = [random() * WIDTH, random() * HEIGHT, 18 + random() * 44];
    const light = pen.createRadialGradient(x - radius * 0.4, y - radius * 0.4, radius * 0.1, x, y, radius);
    light.addColorStop(0, `hsl(${hue} ${saturation}% 82%)`);
    light.addColorStop(0.5, `hsl(${hue} ${saturation}% 52%)`);
    light.addColorStop(1, `hsl(${hue} ${saturation}% 27%)`);
    disc(pen, x, y, radius, light);
  }
}

function disc(pen, x, y, radius, fill) {
  pen.fillStyle = fill;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
}
