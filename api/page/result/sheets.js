// The stylesheets of a result. They come with the first result that is shown, and not with the page.

const SHEETS = ["result.css", "colors.css", "picture.css", "space.css", "plots.css", "files.css"];

function load(name) {
  const link = document.createElement("link");
  Object.assign(link, { rel: "stylesheet", href: new URL(name, import.meta.url) });
  const loaded = new Promise((told) => {
    // A result without its looks is better than none.
    link.addEventListener("load", told);
    link.addEventListener("error", told);
  });
  document.head.append(link);
  return loaded;
}

export const sheets = Promise.all(SHEETS.map(load));
