// Fails a run in which a test was skipped, or in which there was no test at all: both look like success otherwise.
export default class NothingSkipped {
  #skipped = [];
  #ran = 0;

  onTestEnd(test, result) {
    if (result.status === "skipped") this.#skipped.push(test.titlePath().filter(Boolean).join(" > "));
    else this.#ran += 1;
  }

  onEnd() {
    for (const title of this.#skipped) console.error(`skipped: ${title}`);
    if (this.#ran === 0) console.error("no test ran");
    return this.#skipped.length > 0 || this.#ran === 0 ? { status: "failed" } : undefined;
  }

  printsToStdio() {
    return false;
  }
}
