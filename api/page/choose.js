// How pictures come in: dropped anywhere, pasted, or picked. `take` gets files; `tell` what came of it where none did.

const ACCEPTED = "image/*,.heic,.jp2,.j2k,.qoi,.ppm,.pgm,.pnm,.tif,.tiff";

export function listenForFiles(take, tell) {
  listenForDrops(take, tell);
  window.addEventListener("paste", (event) => {
    // A table's cell comes as words and as a picture: in a field the words are meant.
    if (isText(event.target) && event.clipboardData.types.includes("text/plain")) return;
    const files = [...event.clipboardData.files];
    if (files.length) take(files);
    else if (!isText(event.target)) tell("There is no picture on the clipboard. Copy one, or choose a file.");
  });
  const input = document.getElementById("files");
  input.accept = ACCEPTED;
  input.addEventListener("change", () => {
    if (input.files.length) take([...input.files]);
    input.value = ""; // the same file can be chosen again
  });
}

export const pickFiles = () => document.getElementById("files").click();

// What the button does: unlike Ctrl-V it needs the browser's leave.
export async function pasteFiles(take, tell) {
  try {
    const files = [];
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((name) => name.startsWith("image/"));
      if (type) files.push(new File([await item.getType(type)], "pasted.png", { type }));
    }
    if (files.length) take(files);
    else tell("There is no picture on the clipboard. Copy one, or choose a file.");
  } catch {
    tell("The browser lets no page look at the clipboard by itself. Press Ctrl-V (on a Mac ⌘V) instead.");
  }
}

function listenForDrops(take, tell) {
  const mark = (over) => document.body.classList.toggle("dropping", over);
  // Entering a child comes before leaving its parent.
  let inside = 0;
  window.addEventListener("dragenter", (event) => {
    event.preventDefault();
    inside += 1;
    mark(hasFiles(event));
  });
  window.addEventListener("dragover", (event) => isForField(event) || event.preventDefault());
  window.addEventListener("dragleave", () => {
    inside -= 1;
    mark(inside > 0);
  });
  window.addEventListener("drop", (event) => {
    inside = 0;
    mark(false);
    if (isForField(event)) return;
    event.preventDefault();
    const files = [...event.dataTransfer.files];
    if (files.length) take(files);
    else tell("What was dropped is no file. Save the picture first, then drop the file.");
  });
}

const hasFiles = (event) => event.dataTransfer.types.includes("Files");
// Words that are dragged into a field belong there.
const isForField = (event) => isText(event.target) && !hasFiles(event);
const isText = (target) => target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
