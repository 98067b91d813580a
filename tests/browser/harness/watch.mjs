// Collects what no page may do, from every page of a browser context.

// Runs in each page before its own scripts. Chromium reports most violations in the console too, but not those of a
// policy that only reports.
function reportViolations() {
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`policy violated: ${event.effectiveDirective} ${event.blockedURI} in ${event.sourceFile}`);
  });
}

export class Watch {
  #faults = [];
  #allowed = [];

  /** `origin`: the only place that pages may ask for anything. */
  constructor(origin) {
    this.origin = new URL(origin).origin;
  }

  async over(context) {
    await context.addInitScript(reportViolations);
    context.on("console", (message) => {
      if (message.type() === "error") this.#note(`console error: ${message.text()}`);
    });
    context.on("weberror", (failure) => this.#note(`page error: ${failure.error().message}`));
    context.on("request", (request) => {
      const url = new URL(request.url());
      const leaves = /^(https?|wss?):$/.test(url.protocol) && url.origin !== this.origin;
      if (leaves) this.#note(`foreign request: ${url.origin}${url.pathname}`);
    });
  }

  /** Chromium writes an error into the console for a page that is answered with such a status. */
  allowStatus(...statuses) {
    for (const status of statuses) this.allow(new RegExp(`responded with a status of ${status} `));
  }

  /** Allows what the test provokes. It must happen, or else the test fails. */
  allow(pattern) {
    this.#allowed.push({ pattern, used: false });
  }

  #note(fault) {
    const allowed = this.#allowed.find(({ pattern }) => pattern.test(fault));
    if (allowed) allowed.used = true;
    else this.#faults.push(fault);
  }

  /** What was wrong, one sentence each. */
  faults() {
    const unused = this.#allowed.filter(({ used }) => !used);
    return [...this.#faults, ...unused.map(({ pattern }) => `allowed, and did not happen: ${pattern}`)];
  }
}
