// The same job as a command and as programs, to be copied: for exactly the parameters that were posted.

import { copyButton } from "./copying.js";
import { html } from "./dom.js";

/** Tabs [name, make] for each language. */
export function codeTabs(job, settings, say, signal) {
  const asked = { base: baseOf(job), file: job.image.filename || "image", params: settings };
  const languages = Object.entries({ curl, Python: python, JavaScript: javascript });
  return languages.map(([name, write]) => [name, () => block(name, write(asked), say, signal)]);
}

function block(name, text, say, signal) {
  return html("div", { class: "code" },
    html("pre", { tabindex: 0, role: "region", "aria-label": `The same in ${name}` }, html("code", {}, text)),
    copyButton("Copy", () => text, `the ${name} code`, say, signal),
    html("p", { class: "note" }, "Where the service asks for a key, send Authorization: Bearer with yours as well."));
}

/** The service's address with the prefix it is served under, from where the job's own address begins. */
const baseOf = (job) => location.origin + job.links.self.slice(0, job.links.self.lastIndexOf("/v1/jobs/"));

// To a shell all is literal between single quotes, but for those.
const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl({ base, file, params }) {
  // curl takes commas and semicolons in a name for its own, unless it is quoted.
  const part = `image=@"${file.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return [
    `curl -F ${shell(part)} \\`,
    `     -F ${shell(`params=${JSON.stringify(params)}`)} \\`,
    "     -H 'Prefer: wait=30' \\",
    `     ${shell(`${base}/v1/jobs`)}`, "",
  ].join("\n");
}

/** A value of JSON as Python writes it: strings are the same in both, three words are not. */
function literal(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map((each) => literal(each)).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${literal(each)}`).join(", ")}}`;
}

function python({ base, file, params }) {
  return `import json
import time
from pathlib import Path

import httpx

photo = Path(${literal(file)})
params = ${literal(params)}

with httpx.Client(base_url=${literal(base)}, timeout=60) as client:
    answer = client.post(
        "/v1/jobs",
        files={"image": (photo.name, photo.read_bytes())},
        data={"params": json.dumps(params)},
        headers={"Prefer": "wait=30"},
    )
    job = answer.raise_for_status().json()
    while job["status"] in ("queued", "running"):
        time.sleep(1)
        job = client.get(f"/v1/jobs/{job['id']}").raise_for_status().json()

if job["error"]:
    raise SystemExit(job["error"]["message"])
for color in job["result"]["palette"]:
    print(color["hex"], f"{color['proportion']:.1%}", color["name"]["name"])
`;
}

function javascript({ base, file, params }) {
  return `// Node 20 or newer, as a file that ends in .mjs
import { openAsBlob } from "node:fs";
import { basename } from "node:path";

const photo = ${JSON.stringify(file)};
const params = ${JSON.stringify(params)};
const jobs = ${JSON.stringify(`${base}/v1/jobs`)};

async function json(address, options) {
  const answer = await fetch(address, options);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
}

const form = new FormData();
form.append("image", await openAsBlob(photo), basename(photo));
form.append("params", JSON.stringify(params));
let job = await json(jobs, { method: "POST", body: form, headers: { Prefer: "wait=30" } });
while (["queued", "running"].includes(job.status)) {
  await new Promise((done) => setTimeout(done, 1000));
  job = await json(\`\${jobs}/\${job.id}\`);
}

if (job.error) throw new Error(job.error.message);
for (const { hex, proportion, name } of job.result.palette) {
  console.log(hex, \`\${(100 * proportion).toFixed(1)}%\`, name.name);
}
`;
}
