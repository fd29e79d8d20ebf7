// The list of images: one row each, written at most once a frame.

import { State } from "./job.js";
import { draw } from "./thumbnails.js";
import { bytes, change, formatName, seconds } from "./words.js";

/** Letters at the end of a name. */
const TAIL = 9;
const LABELS = { retry: "Try again", download: "Download", show: "Show" };

export class FileList {
  #list;
  #template;
  #rows = new Map();
  #dirty = new Set();
  #selected = null;

  /** `onDo(what, job)` is called for `show`, `retry`, `download` and `stop`. */
  constructor(list, template, onDo) {
    this.#list = list;
    this.#template = template;
    list.addEventListener("click", (event) => {
      const row = event.target.closest("li");
      const job = row && [...this.#rows].find(([, found]) => found === row)?.[0];
      if (job) onDo(event.target.closest("[data-do]")?.dataset.do ?? "show", job);
    });
  }

  /** Rows for exactly these jobs, in their order. */
  sync(jobs) {
    const wanted = new Set(jobs);
    for (const [job, row] of this.#rows) {
      if (wanted.has(job)) continue;
      if (row.contains(document.activeElement)) this.#focusBeside(row);
      row.remove();
      this.#rows.delete(job);
    }
    for (const job of jobs.filter((one) => !this.#rows.has(one))) this.#list.append(this.#row(job));
  }

  /** The job has changed. */
  touch(job) {
    if (this.#dirty.size === 0) requestAnimationFrame(() => this.#write());
    this.#dirty.add(job);
  }

  select(job) {
    for (const one of [this.#selected, job]) if (one) this.touch(one);
    this.#selected = job;
  }

  #row(job) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    this.#rows.set(job, row);
    const [stem, tail] = parted(job.file.name);
    row.querySelector(".stem").textContent = stem;
    row.querySelector(".tail").textContent = tail;
    row.title = job.file.name;
    row.querySelector("progress").setAttribute("aria-label", `Progress of ${job.file.name}`);
    draw(row.querySelector("canvas"), job.file);
    this.touch(job);
    return row;
  }

  #focusBeside(row) {
    const beside = row.nextElementSibling ?? row.previousElementSibling;
    (beside?.querySelector(".file-name") ?? this.#list).focus();
  }

  #write() {
    for (const job of this.#dirty) {
      const row = this.#rows.get(job);
      if (row) this.#fill(row, job);
    }
    this.#dirty.clear();
  }

  #fill(row, job) {
    row.dataset.state = job.state;
    row.dataset.estimated = Boolean(job.estimate);
    row.dataset.change = { "-1": "larger", 0: "none", 1: "smaller" }[Math.sign(job.result?.percent ?? 1)];
    row.querySelector(".file-name").setAttribute("aria-current", job === this.#selected);
    row.querySelector(".file-said").textContent = said(job);
    row.querySelector(".file-percent").textContent = figure(job);
    this.#fillBar(row.querySelector(".bar"), job);
    this.#fillProgress(row.querySelector("progress"), job);
    const shown = {
      retry: job.state === State.FAILED || job.state === State.CANCELLED,
      download: job.state === State.DONE,
      stop: true,
    };
    for (const button of row.querySelectorAll(".icon")) {
      const what = button.dataset.do;
      button.hidden = !shown[what];
      const label = LABELS[what] ?? (job.open ? "Cancel" : "Remove");
      button.setAttribute("aria-label", `${label}: ${job.file.name}`);
      button.title = label;
    }
  }

  #fillBar(bar, job) {
    const left = (percent) => `${Math.min(100, Math.max(0, 100 - percent))}%`;
    const { interval, estimated_reduction_percent: middle } = job.estimate ?? {};
    const percent = job.state === State.DONE ? job.result.percent : middle ?? 0;
    bar.style.setProperty("--size", left(percent));
    bar.style.setProperty("--from", left(interval?.high ?? percent));
    bar.style.setProperty("--to", left(interval?.low ?? percent));
  }

  #fillProgress(progress, job) {
    progress.hidden = !job.running;
    if (job.state === State.SENDING) progress.value = job.sent;
    else progress.removeAttribute("value");
  }
}

/** A name in two parts, of which the second, with the extension, is shown whole. */
function parted(name) {
  const letters = Array.from(name);
  const at = Math.max(0, letters.length - TAIL);
  return [letters.slice(0, at).join(""), letters.slice(at).join("")];
}

/** The state of a job in a line. */
function said(job) {
  const size = bytes(job.file.size);
  const guess = job.estimate && estimated(job.estimate);
  switch (job.state) {
    case State.WAITING: return guess ? `${size} · ${guess}` : `${size} · waiting`;
    case State.SENDING: return `${size} · sending ${Math.round(job.sent * 100)}%`;
    case State.WORKING: return `${size} · the service is at work${lasting(job)}`;
    case State.DONE: return `${size} → ${bytes(job.result.size)} · ${formatName(job.result.format)}`;
    case State.CANCELLED: return `${size} · cancelled`;
    default: return job.trouble;
  }
}

/** How long the service has been at it, once that is worth a word. */
function lasting(job) {
  const elapsed = performance.now() - job.since;
  return elapsed > 1500 ? `, ${seconds(elapsed)}` : "";
}

/** The number at the end of a row. */
function figure(job) {
  if (job.state === State.DONE) return change(job.result.percent);
  if (!job.open || !job.estimate) return "";
  return `≈ ${change(Math.round(job.estimate.estimated_reduction_percent))}`;
}

/** An estimate with the range that holds for four of five images. */
export function estimated({ already_optimized: optimized, interval: { low, high } }) {
  if (optimized) return "probably optimal already";
  const [from, to] = [Math.round(Math.max(0, low)), Math.round(high)];
  return from === to ? `about ${to}% smaller` : `about ${from}–${to}% smaller`;
}
