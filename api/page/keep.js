// Pictures and parameters by job, in this browser: a reload shows the original beside the result. The oldest go first.

const MOST_PICTURES = 12;
const MOST_BYTES = 200e6;
const STORE = "pictures";

// Nothing depends on it: where a browser keeps nothing (private windows), a reload shows the result alone.
export async function keep(id, picture, params) {
  const entry = { id, at: Date.now(), name: picture.name, blob: picture.blob, params };
  try {
    await done(await writing(), (store) => store.put(entry));
    await dropOldest();
  } catch (error) {
    console.info("The picture is not kept for a reload:", error.message);
  }
}

// {name, blob, params}, or null.
export async function kept(id) {
  try {
    return (await done(await writing("readonly"), (store) => store.get(id))) ?? null;
  } catch {
    return null;
  }
}

async function dropOldest() {
  const all = await done(await writing("readonly"), (store) => store.getAll());
  let bytes = 0;
  const rest = all.sort((one, other) => other.at - one.at).filter((entry, place) => {
    bytes += entry.blob.size;
    return place >= MOST_PICTURES || (place > 0 && bytes > MOST_BYTES);
  });
  for (const { id } of rest) await done(await writing(), (store) => store.delete(id));
}

async function writing(mode = "readwrite") {
  const opening = indexedDB.open("huemill", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "id" });
  await settled(opening);
  return opening.result.transaction(STORE, mode);
}

async function done(transaction, request) {
  const result = await settled(request(transaction.objectStore(STORE)));
  transaction.db.close();
  return result;
}

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
