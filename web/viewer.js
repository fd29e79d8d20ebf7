// One image in full: before and after, and everything that is known about the result.

import { estimated } from "./files.js";
import { State } from "./job.js";
import { Stage } from "./stage.js";
import { alike, bytes, change, formatName, smaller, why } from "./words.js";

export class Viewer {
  #root;
  #stage;
  #job = null;
  #shown = null;
  #others;

  /** `onDo(what, job)` is called for `download` and `curl`; `others` is what gives way when the view fills the window. */
  constructor(root, template, onDo, others) {
    this.#root = root;
    this.#others = others;
    root.append(template.content.cloneNode(true));
    this.#stage = new Stage(root.querySelector(".stage"), () => this.#zoomed());
    root.hidden = true;
    root.addEventListener("click", (event) => {
      const { zoom, do: what } = event.target.closest("button")?.dataset ?? {};
      if (zoom === "expand") this.#expand(!this.#root.classList.contains("expanded"));
      else if (zoom) this.#stage.zoom(zoom);
      else if (what) onDo(what, this.#job);
    });
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#expand(false);
    });
  }

  get job() {
    return this.#job;
  }

  /** Shows a job, or nothing. */
  show(job) {
    this.#job = job;
    this.update();
  }

  /** The job has changed. */
  update() {
    const job = this.#job;
    const result = job?.state === State.DONE ? job.result : null;
    this.#root.hidden = !result;
    if (result === this.#shown) return;
    this.#shown = result;
    if (!result) this.#close();
    else this.#fill(job, result);
  }

  focus() {
    this.#root.querySelector(".split").focus({ preventScroll: true });
    this.#root.scrollIntoView({ block: "nearest" });
  }

  #close() {
    this.#expand(false);
    this.#stage.clear();
  }

  #part(selector) {
    return this.#root.querySelector(selector);
  }

  async #fill(job, result) {
    this.#part(".viewer-name bdi").textContent = job.file.name;
    this.#part(".size-before").textContent = bytes(job.file.size);
    this.#part(".size-after").textContent = bytes(result.size);
    this.#part(".percent").textContent = change(result.percent);
    this.#part(".percent").setAttribute("aria-label", smaller(result.percent));
    this.#part(".percent").classList.toggle("worse", result.percent < 0);
    this.#part(".why").textContent = why(result.reason);
    this.#fillScore(result);
    this.#part(".facts").replaceChildren(...facts(job, result).flatMap(([term, text]) => pair(term, text)));
    const said = this.#part(".stage-said");
    said.hidden = true;
    const seen = await this.#stage.show(shown(job), result.blob, result.width, result.height, job.file.name);
    if (!seen) return;
    said.hidden = seen.before && seen.after;
    said.textContent = unseen(seen, result);
  }

  #fillScore({ score, quality }) {
    const gauge = this.#part(".gauge");
    gauge.hidden = score === null;
    gauge.style.setProperty("--score", `${Math.max(0, Math.min(100, score ?? 0))}%`);
    const said = this.#part(".score-said");
    if (score !== null) said.replaceChildren(strong(score.toFixed(1)), ` of 100 alike: ${alike(score)} (SSIMULACRA2)`);
    else if (quality === null) said.textContent = "Nothing was encoded with loss: there is nothing to score.";
    else said.textContent = "Not scored at a fixed quality; Auto measures every result.";
  }

  #zoomed() {
    const { fitted, one } = this.#stage?.view ?? {};
    this.#part("[data-zoom=fit]").setAttribute("aria-pressed", Boolean(fitted));
    this.#part("[data-zoom=one]").setAttribute("aria-pressed", Boolean(one));
  }

  #expand(on) {
    this.#root.classList.toggle("expanded", on);
    this.#part("[data-zoom=expand]").setAttribute("aria-pressed", on);
    document.body.classList.toggle("still", on);
    for (const other of this.#others) other.inert = on;
  }
}

/** The original as the browser would show it: by its bytes' own type. */
function shown(job) {
  const { file, result } = job;
  const type = result.from === "svg" ? "image/svg+xml" : file.type;
  return file.slice(0, file.size, type);
}

function unseen({ before, after }, { from, format, name }) {
  if (after) return `Browsers cannot show ${formatName(from)}. This is the result.`;
  const advice = "Take WebP or AVIF as the format to see and use it in browsers.";
  if (before) return `This browser cannot show ${formatName(format)}. This is the original.`;
  return `Browsers cannot show ${formatName(format)}. The result was checked by the service; ${name} is ready. ${advice}`;
}

function facts(job, result) {
  const same = result.from === result.format;
  const format = same ? formatName(result.format) : `${formatName(result.from)} → ${formatName(result.format)}`;
  const time = result.known ? "at once, known already" : `${Math.round(result.milliseconds)} ms`;
  return [
    ["Format", format],
    ["Method", result.method],
    ["Quality used", result.quality],
    ["Dimensions", result.width && `${result.width} × ${result.height}`],
    ["Estimate", job.estimate && estimated(job.estimate)],
    ["Taken out", result.removed.join(", ").replaceAll("_", " ")],
    ["Had to stay", result.kept.join(", ").replaceAll("_", " ")],
    ["Time at work", time],
  ].filter(([, text]) => text);
}

function pair(term, text) {
  const group = document.createElement("div");
  const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
  dt.textContent = term;
  dd.textContent = text;
  group.append(dt, dd);
  return [group];
}

function strong(text) {
  const element = document.createElement("strong");
  element.textContent = text;
  return element;
}
