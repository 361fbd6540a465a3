// Names as people read them.

export const NOT_GIVEN = "not given";

// A word of the API's, such as `davies_bouldin`.
export const plain = (word) => String(word).replaceAll("_", " ");

// A parameter's name as a title: `n_clusters` as "Number of clusters".
export function title(name) {
  const words = plain(name).replace(/^n /, "number of ").replace(/\bcolor/g, "colour");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// What stands before the colon of a method's description, which is what people call it.
export const methodName = (schema) => schema.description.split(":")[0];
