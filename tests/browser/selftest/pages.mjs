// Serves small pages, most of them with one fault that the harness must find.
import { createServer } from "node:http";

// The policy of the console.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const page = (body, head = "") =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>` +
  `<meta name="viewport" content="width=device-width"><link rel="icon" href="/icon.svg">${head}</head>` +
  `<body><main><h1>A page</h1>${body}</main></body></html>`;

const FORM = `<form><label for="why">Why</label> <input id="why"> <button>Go</button></form>`;
const script = (name) => `<script src="/${name}.js" defer></script>`;

const ANSWERS = {
  "/clean": page(FORM, script("quiet")),
  "/missing-label": page(`<form><input id="why"> <button>Go</button></form>`),
  "/pale": page(`<p class="pale">Hardly readable.</p>`, `<link rel="stylesheet" href="/pale.css">`),
  "/pale-in-the-dark": page(`<p class="night">Hardly readable.</p>`, `<link rel="stylesheet" href="/pale.css">`),
  "/inline-handler": page(`<button onclick="go()">Go</button>`),
  "/inline-style": page(`<p style="color: red">Red.</p>`),
  "/console-error": page(FORM, script("complaining")),
  "/page-error": page(FORM, script("throwing")),
  "/too-wide": page(`<div class="wide">Wide.</div>`, `<link rel="stylesheet" href="/wide.css">`),
  "/foreign-request": page(FORM, script("foreign")),
  "/foreign-request-of-an-open-page": page(FORM, script("foreign")),
  "/quiet.js": `document.body.dataset.ran = "yes";`,
  "/complaining.js": `console.error("it does not work");`,
  "/throwing.js": `throw new Error("not caught");`,
  "/foreign.js": `fetch("http://example.org/count").catch(() => {});`,
  "/pale.css":
    `:root { color-scheme: light dark } .pale { color: #ddd; background: #fff } ` +
    `.night { color: #000; background: #fff } @media (prefers-color-scheme: dark) { .night { background: #111 } }`,
  "/wide.css": `.wide { width: 700px }`,
  "/icon.svg": `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>`,
};

const TYPES = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" };

/** Starts the server; the result has its `origin` and ends it with `close()`. */
export async function servePages() {
  const server = createServer((request, response) => {
    const answer = ANSWERS[request.url];
    const type = TYPES[request.url.split(".")[1]] ?? "text/html; charset=utf-8";
    // This page has no policy that would stop the request before it is one.
    const policy = request.url.includes("open") ? {} : { "content-security-policy": POLICY };
    response.writeHead(answer ? 200 : 404, { "content-type": type, ...policy });
    response.end(answer ?? page("<p>There is no such page.</p>"));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
