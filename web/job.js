// One image on its way through the service.

import { nameOf } from "./names.js";

export const State = Object.freeze({
  WAITING: "waiting",
  SENDING: "sending",
  WORKING: "working",
  DONE: "done",
  FAILED: "failed",
  CANCELLED: "cancelled",
});

let count = 0;

export class Job {
  id = ++count;
  state = State.WAITING;
  /** Share of the file that was sent. */
  sent = 0;
  /** When the last of it was sent, by `performance.now()`. */
  since = 0;
  /** The service's estimate, or null; asking for it is `running` or `over`. */
  estimate = null;
  estimating = null;
  result = null;
  /** Why it failed, in words. */
  trouble = "";
  /** How often it met a service that was busy, or none. */
  tries = 0;
  aborter = new AbortController();

  constructor(file) {
    this.file = file;
  }

  get running() {
    return this.state === State.SENDING || this.state === State.WORKING;
  }

  get open() {
    return this.running || this.state === State.WAITING;
  }

  /** Back to the beginning. */
  reset() {
    this.aborter = new AbortController();
    Object.assign(this, { state: State.WAITING, sent: 0, estimate: null, estimating: null, trouble: "", tries: 0 });
  }

  fail(trouble) {
    this.state = State.FAILED;
    this.trouble = trouble;
  }
}

/** What the answer of /optimize says, and its bytes. */
export function resultOf({ body, header }, job, query, formats) {
  const number = (name) => (header(name) === null ? null : Number(header(name)));
  const list = (name) => (header(name) ?? "").split(", ").filter(Boolean);
  const format = header("X-Optimized-Format");
  return {
    blob: body,
    query,
    name: nameOf(job.file.name, format, formats),
    size: body.size,
    percent: number("X-Reduction-Percent"),
    from: header("X-Original-Format"),
    format,
    method: header("X-Optimization-Method"),
    reason: header("X-Optimization-Reason"),
    quality: number("X-Quality-Used"),
    score: scoreOf(header("X-Quality-Score")),
    removed: list("X-Metadata-Removed"),
    kept: list("X-Metadata-Kept"),
    width: number("Image-Width"),
    height: number("Image-Height"),
    milliseconds: durationOf(header("Server-Timing")),
    known: /;\s*hit/.test(header("Cache-Status") ?? ""),
  };
}

function scoreOf(text) {
  const [, score] = /=([\d.-]+)/.exec(text ?? "") ?? [];
  return score === undefined ? null : Number(score);
}

function durationOf(timing) {
  const parts = [...(timing ?? "").matchAll(/dur=([\d.]+)/g)];
  return parts.reduce((sum, [, milliseconds]) => sum + Number(milliseconds), 0);
}
