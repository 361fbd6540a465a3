// A request that tells how much of its body has gone. fetch cannot; the answer is one of fetch's all the same.

export function sendReporting(url, { method = "POST", headers, body, signal }, sent) {
  return new Promise((resolve, reject) => {
    // Between two tries somebody may have given up: a request that was not sent yet has nothing to abort.
    signal?.throwIfAborted();
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.responseType = "blob";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => sent(event.total ? event.loaded / event.total : 0));
    request.addEventListener("load", () => resolve(answerOf(request)));
    request.addEventListener("error", () => reject(new TypeError("no answer")));
    request.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

function answerOf(request) {
  const fields = request.getAllResponseHeaders().trim().split("\r\n").map((line) => line.split(/:\s*(.*)/s, 2));
  const { status, statusText } = request;
  return new Response(request.response, { status, statusText, headers: fields });
}
