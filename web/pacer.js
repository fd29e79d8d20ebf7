// How often this page may call: the service's sliding windows, kept here too, so that none is overrun.

/** Milliseconds by which the service may see a call later than this page sent it. */
const MARGIN = 1000;
const POLICY = /"([^"]*)"\s*;\s*q=(\d+)\s*;\s*w=(\d+)/g;
const STANDING = /"([^"]*)"\s*;\s*r=(\d+)\s*;\s*t=(\d+)/;

export class Pacer {
  #allowances;
  #sent = [];
  /** Calls of others on the same account, by allowance: how many, and until when they count. */
  #others = new Map();
  #pausedUntil = 0;
  #now;

  /** `allowances` are `{name, calls, seconds}`; none means no limit. */
  constructor(allowances, now = () => performance.now()) {
    this.#allowances = allowances;
    this.#now = now;
  }

  /** The smallest number of calls that a window holds. */
  get burst() {
    return Math.min(Infinity, ...this.#allowances.map((allowance) => allowance.calls));
  }

  /** The allowance that is used up, where one is. */
  get tight() {
    return this.#allowances.find((allowance) => this.#left(allowance) <= 0);
  }

  /** Calls that may be made at once. */
  left() {
    if (this.#now() < this.#pausedUntil) return 0;
    return Math.max(0, Math.min(Infinity, ...this.#allowances.map((allowance) => this.#left(allowance))));
  }

  /** Milliseconds until one may be made. */
  wait() {
    const now = this.#now();
    const waits = this.#allowances.filter((a) => this.#left(a) <= 0).map((a) => this.#freed(a) - now);
    return Math.max(0, this.#pausedUntil - now, ...waits);
  }

  /** A call is made now. */
  spend() {
    const now = this.#now();
    const longest = Math.max(0, ...this.#allowances.map(span));
    this.#sent = this.#sent.filter((at) => now - at < longest);
    this.#sent.push(now);
  }

  /** No call for so many seconds. */
  pause(seconds) {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#now() + seconds * 1000);
  }

  /** Another account, of which nothing is known yet. */
  forget() {
    this.#allowances = [];
    this.#others.clear();
    this.#pausedUntil = 0;
  }

  /** What an answer's `RateLimit-Policy` and `RateLimit` say. */
  learn(policy, standing) {
    this.#allowances = [...(policy ?? "").matchAll(POLICY)].map(([, name, calls, seconds]) => ({
      name, calls: Number(calls), seconds: Number(seconds),
    }));
    const [, name, remaining, reset] = STANDING.exec(standing ?? "") ?? [];
    const allowance = this.#allowances.find((known) => known.name === name);
    if (!allowance) return;
    this.#others.delete(name);
    const calls = this.#left(allowance) - Number(remaining);
    if (calls > 0) this.#others.set(name, { calls, until: this.#now() + Number(reset) * 1000 + MARGIN });
  }

  #left(allowance) {
    const others = this.#others.get(allowance.name);
    const theirs = others && this.#now() < others.until ? others.calls : 0;
    return allowance.calls - theirs - this.#within(allowance).length;
  }

  #freed(allowance) {
    const oldest = this.#within(allowance)[0];
    const others = this.#others.get(allowance.name);
    const times = [];
    if (oldest !== undefined) times.push(oldest + span(allowance));
    if (others && this.#now() < others.until) times.push(others.until);
    return Math.min(...times);
  }

  #within(allowance) {
    const since = this.#now() - span(allowance);
    return this.#sent.filter((at) => at > since);
  }
}

function span(allowance) {
  return allowance.seconds * 1000 + MARGIN;
}
