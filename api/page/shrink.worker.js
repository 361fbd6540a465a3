// Decodes a picture and scales it down. In a worker: a browser decodes off the main thread, but scales on it.

addEventListener("message", async ({ data: { blob, most } }) => {
  try {
    const whole = await createImageBitmap(blob); // upright
    const { width, height } = whole;
    const scale = Math.min(1, most / Math.max(width, height));
    const [resizeWidth, resizeHeight] = [width, height].map((length) => Math.max(1, Math.round(length * scale)));
    const smaller = { resizeWidth, resizeHeight, resizeQuality: "medium" };
    const bitmap = scale < 1 ? await createImageBitmap(whole, smaller) : whole;
    postMessage({ width, height, bitmap }, [bitmap]);
  } catch {
    postMessage(null); // no picture that this browser knows
  }
});
