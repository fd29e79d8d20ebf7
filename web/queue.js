// The line of images: estimates and optimizations side by side, as many as the service likes.

import { Refusal, Unreachable } from "./api.js";
import { Job, resultOf, State } from "./job.js";
import { refusal } from "./words.js";

const ESTIMATES_AT_ONCE = 3;
const WORK_AT_ONCE = 2;
/** Share of the smallest window that estimates leave to optimizations, so that first results come soon. */
const RESERVED = 0.4;
const MOST_TRIES = 8;
const FINAL = new Set([400, 413, 415, 422]);
const LATER = new Set([429, 503]);
/** Bytes of a file up to which all of it is sent for an estimate, and how much of a larger one. */
const LOOKED_AT = 1 << 20;
const HEAD = 1 << 16;
/** Seconds, where an answer does not say. */
const PATIENCE = 5;

/** What browsers show, for `format=auto`. */
export const ACCEPT = "image/avif,image/webp,image/png,image/jpeg,image/*;q=0.5";

/** Sends `job` (with the job), `line` (who is in it has changed), `pace` and `stop` events. */
export class Queue extends EventTarget {
  jobs = [];
  /** Why nothing is sent: null, `offline` or `key`. */
  stopped = null;
  #api;
  #pacer;
  #service;
  #query;
  #timer = 0;

  /** `query` gives the options of now, as they stand in an address. */
  constructor(api, pacer, service, query) {
    super();
    this.#api = api;
    this.#pacer = pacer;
    this.#service = service;
    this.#query = query;
  }

  add(files) {
    const jobs = files.map((file) => new Job(file));
    for (const job of jobs) this.#inspect(job);
    this.jobs.push(...jobs);
    this.#tell("line");
    this.#pump();
    return jobs;
  }

  cancel(job) {
    if (!job.open) return;
    job.state = State.CANCELLED;
    job.aborter.abort(new DOMException("cancelled", "AbortError"));
    this.#changed(job);
    this.#pump();
  }

  remove(...gone) {
    gone.forEach((job) => this.cancel(job));
    this.jobs = this.jobs.filter((job) => !gone.includes(job));
    this.#tell("line");
  }

  retry(...again) {
    for (const job of again) {
      job.reset();
      this.#inspect(job);
      this.#changed(job);
    }
    this.#pump();
  }

  /** Other wishes: estimates of what still waits are made anew. */
  reconsider() {
    for (const job of this.jobs.filter((one) => one.state === State.WAITING && one.estimating === "over")) {
      job.estimating = null;
      job.estimate = null;
      this.#changed(job);
    }
    this.#pump();
  }

  /** Nothing more is sent until `resume`. */
  stop(why) {
    this.stopped = why;
    this.#tell("stop");
    this.#tell("pace");
  }

  resume() {
    this.stopped = null;
    this.#tell("stop");
    this.#pump();
  }

  /** Milliseconds until the next call, where the service's limits are what it waits for. */
  get delay() {
    const idle = this.jobs.some((job) => job.state === State.WAITING) && this.#working.length < WORK_AT_ONCE;
    return idle && !this.stopped ? this.#pacer.wait() : 0;
  }

  get #working() {
    return this.jobs.filter((job) => job.running);
  }

  /** What need not be sent to be refused. */
  #inspect(job) {
    const most = this.#service.max_file_size;
    if (job.file.size > most) job.fail(refusal(413, null, most));
    else if (job.file.size === 0) job.fail("The file is empty.");
  }

  #pump() {
    clearTimeout(this.#timer);
    if (!this.stopped) {
      while (this.#start());
      if (this.delay > 0) this.#timer = setTimeout(() => this.#pump(), this.delay + 20);
    }
    this.#tell("pace");
  }

  /** Makes the next call, if there is one to be made now. */
  #start() {
    const left = this.#pacer.left();
    const spare = left > (Number.isFinite(left) ? RESERVED * this.#pacer.burst : 0);
    const waiting = this.jobs.filter((job) => job.state === State.WAITING);
    const unknown = waiting.find((job) => !job.estimating);
    const asking = this.jobs.filter((job) => job.estimating === "running").length;
    if (unknown && spare && asking < ESTIMATES_AT_ONCE) return this.#estimate(unknown);
    const next = waiting.find((job) => job.estimating === "over" || (!job.estimating && !spare));
    if (next && left > 0 && this.#working.length < WORK_AT_ONCE) return this.#optimize(next);
    return false;
  }

  #estimate(job) {
    job.estimating = "running";
    const part = job.file.size > LOOKED_AT ? HEAD : job.file.size;
    this.#call(job, "/estimate", { accept: "application/json", part }, async ({ body }, query) => {
      job.estimating = "over";
      if (query === this.#query()) job.estimate = JSON.parse(await body.text());
      else job.estimating = null;
    });
    return true;
  }

  #optimize(job) {
    job.state = State.SENDING;
    job.sent = 0;
    const onProgress = (share) => {
      job.sent = share;
      job.state = share < 1 ? State.SENDING : State.WORKING;
      job.since = performance.now();
      this.#changed(job);
    };
    this.#call(job, "/optimize", { accept: ACCEPT, onProgress }, (answer, query) => {
      job.result = resultOf(answer, job, query, this.#service.formats);
      job.state = State.DONE;
    });
    return true;
  }

  async #call(job, path, how, done) {
    const { signal } = job.aborter;
    const query = this.#query();
    const onHeaders = (status, header) => {
      const policy = header("RateLimit-Policy");
      if (policy || status < 400) this.#pacer.learn(policy, header("RateLimit"));
    };
    this.#pacer.spend();
    this.#changed(job);
    try {
      const answer = await this.#api.post(path, job.file, { ...how, query, signal, onHeaders });
      await done(answer, query);
    } catch (error) {
      if (!signal.aborted) await this.#failed(job, error);
    }
    if (!signal.aborted) this.#changed(job);
    this.#pump();
  }

  async #failed(job, error) {
    const estimating = job.estimating === "running";
    if (error instanceof Refusal && error.status === 401) this.#wait(job, () => this.stop("key"));
    else if (error instanceof Refusal && LATER.has(error.status)) this.#busy(job, error);
    else if (error instanceof Unreachable) await this.#unreachable(job);
    else if (estimating && !FINAL.has(error.status)) job.estimating = "over";
    else job.fail(refusal(error.status ?? 0, error.problem ?? { detail: error.message }, this.#service.max_file_size));
    if (job.estimating === "running") job.estimating = "over";
  }

  /** Back into the line. */
  #wait(job, meanwhile) {
    if (job.estimating === "running") job.estimating = null;
    job.state = State.WAITING;
    meanwhile();
  }

  #busy(job, error) {
    job.tries += 1;
    if (error.status === 503 && job.tries > MOST_TRIES) job.fail("The service is busy. Try again later.");
    else this.#wait(job, () => this.#pacer.pause((error.retryAfter ?? PATIENCE) + Math.random() * 0.5));
  }

  async #unreachable(job) {
    job.tries += 1;
    const readable = await job.file.slice(0, 1).arrayBuffer().then(() => true, () => false);
    if (!readable) job.fail("The file cannot be read any more. Was it moved or changed?");
    else if (job.tries > MOST_TRIES) job.fail("The connection broke again and again.");
    else this.#wait(job, () => this.stop("offline"));
  }

  #changed(job) {
    this.dispatchEvent(new CustomEvent("job", { detail: job }));
  }

  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}
