// Where a picture is looked at: before its job, while that runs, and after. Each takes the place of the one before.

import { makeCompare } from "./compare.js";
import { element } from "./element.js";
import { facts, framed, named } from "./preview.js";
import { makeProgress } from "./progress.js";
import { regionOver, WORDS } from "./region.js";
import { show, titleOf } from "./show.js";
import { troubleOf } from "./trouble.js";

// `acts`: ask(run, changes); drew(region).
export function makeStage(place, acts) {
  const pinned = element("section", { class: "side", "aria-label": "Pinned result", hidden: true });
  const now = element("section", { class: "side" });
  place.replaceChildren(pinned, now);
  const compare = makeCompare(pinned, { ask: acts.ask, changed: beside });
  const title = element("p", { class: "title" });
  const buttons = element("div", { class: "buttons" });
  const body = element("div", { class: "body" });
  now.append(element("div", { class: "head" }, title, buttons), body);
  let [shown, progress] = [null, null];

  // Beside what is pinned, or alone; the button that was pressed cannot be any more. Where there is room for one side
  // only, the newer stands first: what comes next would come out of sight.
  function beside() {
    place.classList.toggle("two", !pinned.hidden);
    const columns = getComputedStyle(place).gridTemplateColumns.split(" ");
    if (columns.length > 1) now.before(pinned);
    else now.after(pinned);
    if (document.activeElement.matches("body, :disabled")) place.focus({ preventScroll: true });
  }

  // What was there goes; the focus, where it was on that, stays on the stage.
  function clear() {
    if (now.contains(document.activeElement)) place.focus({ preventScroll: true });
    shown?.then((result) => result.close());
    shown = null;
    rest();
    buttons.replaceChildren();
  }

  // The picture itself; `kind` to draw a region on it.
  function preview(picture, kind = null) {
    clear();
    title.replaceChildren(...named(picture, picture.blob ? facts(picture) : ""));
    const over = (picture.region || kind) && regionOver(picture.region, kind, acts.drew);
    body.replaceChildren(framed(picture, over));
    if (!kind) return;
    const giveUp = element("button", { type: "button", onclick: () => acts.drew(undefined) }, "Give up");
    body.append(element("p", { class: "drawn" }, WORDS[kind], " ", giveUp));
    over.focus();
  }

  function result(run) {
    clear();
    title.replaceChildren(...named(run.picture, titleOf(run)));
    const inside = element("div", { class: "result" });
    buttons.replaceChildren(compare.offer(run));
    body.replaceChildren(inside);
    if (run.picture.seen?.bitmap) keepSeen(run.picture, inside);
    shown = show(inside, run, (changes) => acts.ask(run, changes)).catch((error) => {
      if (inside.isConnected) trouble(error);
      return { close() {} };
    });
  }

  // The picture lies where the result draws it, until that has loaded what it draws.
  function keepSeen(picture, inside) {
    const seen = framed(picture);
    seen.classList.add("kept");
    inside.before(seen);
    inside.addEventListener("drawn", () => seen.remove());
  }

  // Nothing is under way.
  function rest() {
    progress?.close();
    progress = null;
    const said = body.querySelector(".trouble");
    if (said?.contains(document.activeElement)) place.focus({ preventScroll: true });
    said?.remove();
  }

  function trouble(problem, ask, params) {
    rest();
    tell(troubleOf(problem, ask, params));
    body.querySelector(".trouble").scrollIntoView({ block: "nearest" });
  }

  // Under the picture; above a result, which is longer than a screen.
  function tell(news) {
    const result = body.querySelector(".result");
    body.querySelector(".kept")?.remove(); // it would not be moved down with the result
    if (result) result.before(news);
    else body.append(news);
  }

  function advance(seen) {
    if (!progress) {
      rest();
      progress = makeProgress(seen.begun);
      tell(progress.element);
    }
    progress.show(seen);
  }

  return { preview, result, trouble, advance, rest };
}
