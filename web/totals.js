// All images together: what was saved, what is still to come.

import { State } from "./job.js";
import { bytes, change, images } from "./words.js";

/** The sums over the jobs. */
export function sums(jobs) {
  const done = jobs.filter((job) => job.state === State.DONE);
  const failed = jobs.filter((job) => job.state === State.FAILED);
  const open = jobs.filter((job) => job.open);
  const guessed = open.filter((job) => job.estimate);
  const sum = (list, value) => list.reduce((total, job) => total + value(job), 0);
  const before = sum(done, (job) => job.file.size);
  const after = sum(done, (job) => job.result.size);
  return {
    done, failed, open, before, after,
    percent: before ? 100 * (1 - after / before) : 0,
    guessedBefore: sum(guessed, (job) => job.file.size),
    guessedAfter: sum(guessed, (job) => job.estimate.estimated_size),
    share: jobs.length ? sum(jobs, progressOf) / jobs.length : 0,
  };
}

function progressOf(job) {
  if (!job.open) return 1;
  return job.running ? 0.2 + 0.4 * job.sent : job.estimate ? 0.1 : 0;
}

/** The same in words: the main figure and a line beneath. */
export function totalsSaid(jobs) {
  const { done, failed, open, before, after, percent, guessedBefore, guessedAfter } = sums(jobs);
  const main = done.length ? `${bytes(before)} → ${bytes(after)}` : expected(guessedBefore, guessedAfter);
  const parts = [open.length ? `${done.length} of ${images(jobs.length)} done` : `${images(done.length)} done`];
  if (failed.length) parts.push(`${failed.length} could not be done`);
  if (done.length && before > after) parts.push(`${bytes(before - after)} saved`);
  return { main, percent: done.length ? change(percent) : "", sub: parts.join(" · ") };
}

function expected(before, after) {
  return before ? `${bytes(before)} → about ${bytes(after)}` : "Looking at your images…";
}
