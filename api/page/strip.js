// The pictures that were chosen, in a row: which is looked at, and how far each is.

import { element } from "./element.js";

// `acts`: look(picture), remove(picture), add(), all().
export function makeStrip(place, acts) {
  const items = new Map();
  let looked = null;
  const row = element("ul", { class: "row" });
  const add = element("button", { type: "button", class: "add", onclick: acts.add, "aria-label": "Add pictures" }, "+");
  const all = element("button", { type: "button", hidden: true, onclick: acts.all });
  place.replaceChildren(element("div", { class: "pictures" }, row, add), all);

  function put(picture) {
    const mark = element("span", { class: "mark" });
    const ending = element("span", { class: "ending" }, picture.name.split(".").pop());
    const look = element("button", { type: "button", class: "thumb", onclick: () => acts.look(picture) }, ending, mark);
    const gone = { class: "plain remove", "aria-label": `Remove ${picture.name}`, onclick: () => acts.remove(picture) };
    const remove = element("button", { type: "button", ...gone }, "×");
    const item = element("li", {}, look, remove);
    items.set(picture, { item, look, mark });
    row.append(item);
    update(picture);
  }

  function update(picture) {
    const found = items.get(picture);
    if (!found) return;
    const { look, mark } = found;
    const state = stateOf(picture);
    mark.textContent = state.mark;
    look.title = picture.name;
    look.setAttribute("aria-label", `${picture.name}: ${state.words}`);
    look.setAttribute("aria-current", String(picture === looked));
    if (picture.thumbnail && !look.contains(picture.thumbnail)) look.replaceChildren(picture.thumbnail, mark);
    const left = waiting().length;
    all.hidden = left < 2;
    all.textContent = `Find colours in all ${left}`;
  }

  const waiting = () => [...items.keys()].filter((picture) => picture.blob && !picture.problem && !picture.run);

  return {
    put,
    update,
    waiting,
    pictures: () => [...items.keys()],
    look: (picture) => {
      looked = picture;
      for (const each of items.keys()) update(each);
      items.get(picture)?.item.scrollIntoView({ block: "nearest", inline: "nearest" });
    },
    remove: (picture) => {
      const { item } = items.get(picture);
      const had = item.contains(document.activeElement);
      item.remove();
      items.delete(picture);
      if (had) add.focus();
      for (const each of items.keys()) update(each);
    },
  };
}

function stateOf({ problem, run }) {
  if (problem || run?.problem) return { mark: "!", words: (problem ?? run.problem).message };
  if (!run) return { mark: "", words: "ready" };
  if (!run.ended) return { mark: "…", words: "under way" };
  return run.succeeded ? { mark: "✓", words: "finished" } : { mark: "", words: "cancelled" };
}
