// Calls to the service that this page came from.

/** The service said no; `problem` is its problem document (RFC 9457), where it sent one. */
export class Refusal extends Error {
  constructor(status, problem, retryAfter) {
    super(problem?.detail ?? `status ${status}`);
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** Nobody answered. */
export class Unreachable extends Error {}

export class Api {
  /** In this object's memory alone, and in no address. */
  key = "";

  /** Limits and formats of the service. */
  async describe() {
    const answer = await fetch("/web/service.json");
    if (!answer.ok) throw new Refusal(answer.status, null, null);
    return answer.json();
  }

  /** Whether the service answers just now. */
  async alive() {
    try {
      return (await fetch("/health/live", { cache: "no-store" })).ok;
    } catch {
      return false;
    }
  }

  /**
   * POST a file, or its first `part` bytes. `onProgress` is told the share that was sent; `onHeaders` sees status and headers, also a refusal's.
   * Throws Refusal, Unreachable, or the signal's reason.
   */
  async post(path, file, { query, accept, signal, part = file.size, onProgress, onHeaders }) {
    const headers = { Accept: accept, "Content-Type": "application/octet-stream" };
    if (part < file.size) headers["Content-Range"] = `bytes 0-${part - 1}/${file.size}`;
    if (this.key) headers.Authorization = `Bearer ${this.key}`;
    const request = await this.#send(`${path}?${query}`, file.slice(0, part), headers, signal, onProgress);
    const header = (name) => request.getResponseHeader(name);
    onHeaders(request.status, header);
    if (request.status < 400) return { body: request.response, header };
    throw new Refusal(request.status, await problemOf(request.response), retryAfter(header));
  }

  #send(address, body, headers, signal, onProgress) {
    // fetch cannot tell how much of a body has been sent.
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const request = new XMLHttpRequest();
      request.open("POST", address);
      request.responseType = "blob";
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => event.lengthComputable && onProgress?.(event.loaded / event.total);
      request.upload.onload = () => onProgress?.(1);
      request.onload = () => resolve(request);
      request.onerror = () => reject(new Unreachable());
      request.onabort = () => reject(signal.reason);
      signal.addEventListener("abort", () => request.abort(), { once: true });
      request.send(body);
    });
  }
}

function retryAfter(header) {
  const seconds = Number.parseInt(header("Retry-After") ?? "", 10);
  return Number.isFinite(seconds) ? seconds : null;
}

async function problemOf(blob) {
  try {
    return JSON.parse(await blob.text());
  } catch {
    return null; // a proxy's own words
  }
}
