// All images together: what was saved, what is still to come, and what can be done with them at once.

import { State } from "./job.js";
import { bytes, change, images } from "./words.js";

const part = (id) => document.getElementById(id);

/** Writes the strip above the list, at most once a frame. */
export class Totals {
  #due = false;

  touch(jobs) {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#write(jobs());
    });
  }

  #write(jobs) {
    const found = sums(jobs);
    const { done, open, share } = found;
    const figure = document.createElement("strong");
    figure.textContent = done.length ? change(found.percent) : "";
    part("totals-main").replaceChildren(mainSaid(found), " ", figure);
    part("totals-sub").textContent = subSaid(found, jobs.length);
    part("totals-progress").value = share;
    part("totals-progress").hidden = open.length === 0;
    part("cancel-all").hidden = open.length === 0;
    part("download-all").disabled = done.length === 0;
    part("download-all").textContent = done.length > 1 ? `Download all ${done.length} (zip)` : "Download";
  }
}

function sums(jobs) {
  const done = jobs.filter((job) => job.state === State.DONE);
  const open = jobs.filter((job) => job.open);
  const guessed = open.filter((job) => job.estimate);
  const before = sum(done, (job) => job.file.size);
  const after = sum(done, (job) => job.result.size);
  return {
    done, open, guessed, before, after,
    failed: jobs.filter((job) => job.state === State.FAILED),
    percent: before ? 100 * (1 - after / before) : 0,
    share: jobs.length ? sum(jobs, progressOf) / jobs.length : 0,
  };
}

function sum(jobs, value) {
  return jobs.reduce((total, job) => total + value(job), 0);
}

function progressOf(job) {
  if (!job.open) return 1;
  if (job.running) return 0.2 + 0.4 * job.sent;
  return job.estimate ? 0.1 : 0;
}

function mainSaid({ done, open, guessed, before, after }) {
  if (done.length) return `${bytes(before)} → ${bytes(after)}`;
  const expected = sum(guessed, (job) => job.estimate.estimated_size);
  if (guessed.length) return `${bytes(sum(guessed, (job) => job.file.size))} → about ${bytes(expected)}`;
  return open.length ? "Looking at your images…" : "Nothing done";
}

function subSaid({ done, open, failed, before, after }, count) {
  const parts = [open.length ? `${done.length} of ${images(count)} done` : `${images(done.length)} done`];
  if (failed.length) parts.push(`${failed.length} could not be done`);
  if (before > after) parts.push(`${bytes(before - after)} saved`);
  return parts.join(" · ");
}
