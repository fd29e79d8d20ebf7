// The form of wishes, and the query that it becomes.

import { formatName } from "./words.js";

const HINTS = {
  auto: "The smallest file that still looks alike, with its score.",
  fixed: "One setting for all. 80 suits most photographs.",
};
const NARROW = matchMedia("(max-width: 719px)");

/** Sends `change` whenever the query has become another. */
export class Settings extends EventTarget {
  #form;
  #last;
  #timer = 0;

  constructor(form, targets) {
    super();
    this.#form = form;
    this.#offer(targets);
    form.addEventListener("input", () => this.#read());
    form.addEventListener("submit", (event) => event.preventDefault());
    const fold = form.querySelector("details");
    const fit = () => (fold.open = !NARROW.matches);
    NARROW.addEventListener("change", fit);
    fit();
    this.#last = this.query();
    this.#read();
  }

  /** The options as /optimize and /estimate take them; what is the service's own default is not said. */
  query() {
    const { mode, score, quality, format, budget, unit, metadata } = Object.fromEntries(new FormData(this.#form));
    const query = new URLSearchParams({ quality: mode === "auto" ? mode : quality });
    if (mode === "auto" && score) query.set("min_score", score);
    if (format) query.set("format", format);
    const most = Math.floor(Number(budget) * Number(unit));
    if (most >= 1) query.set("max_bytes", most);
    if (metadata) query.set("metadata", metadata);
    return query.toString();
  }

  #offer(targets) {
    const select = this.#form.elements.format;
    for (const name of targets) select.append(new Option(formatName(name), name));
  }

  #read() {
    const { mode, score, quality, format } = this.#form.elements;
    const auto = mode.value === "auto";
    score.hidden = !auto;
    this.#form.querySelector(".slider").hidden = auto;
    this.#form.querySelector("#quality-said").value = quality.value;
    this.#form.querySelector("#quality-hint").textContent = HINTS[mode.value];
    const wish = auto ? `${score.selectedOptions[0].text} quality` : `Quality ${quality.value}`;
    this.#form.querySelector("#settings-said").textContent = `${wish} · ${format.selectedOptions[0].text}`;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), 250); // a slider on its way asks for nothing
  }

  #tell() {
    const query = this.query();
    if (query === this.#last) return;
    this.#last = query;
    this.dispatchEvent(new Event("change"));
  }
}
