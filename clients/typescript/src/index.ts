/** Client of Pare, a self-hosted image optimization service. Runs wherever there is `fetch`; depends on nothing. */

import type { components } from "./schema.js";

type Schemas = components["schemas"];
export type Options = Partial<Schemas["OptimizationOptions"]>;
export type StorageOptions = Partial<Schemas["StorageOptions"]>;
export type Receipt = Schemas["Receipt"];
export type Estimate = Schemas["EstimateAnswer"];
export type Problem = Schemas["Problem"];
export type TicketRequest = Partial<Omit<Schemas["TicketRequest"], "optimization">> & { optimization?: Options };
export type Ticket = Schemas["TicketReceipt"];

/** The bytes, a browser's file, or the address of an image. */
export type Image = Blob | Uint8Array<ArrayBuffer> | URL;

/** What came back: the image, and what the headers say of it. */
export interface Optimized {
  data: Blob;
  originalSize: number;
  optimizedSize: number;
  reductionPercent: number;
  originalFormat: string;
  optimizedFormat: string;
  method: string;
  reason: string;
  width: number;
  height: number;
  qualityUsed: number | null;
  /** SSIMULACRA2 against the original, where it was measured. */
  score: number | null;
  headers: Headers;
}

export interface Health {
  status: "ok" | "degraded";
  version: string;
  formats: Record<string, { mime: string; works: boolean }>;
}

/** How patient a client is; times in seconds. */
export interface Retries {
  attempts: number;
  /** A service that says more by `Retry-After` is not waited for. */
  longestWait: number;
  /** Where nobody says when: doubled each time, and up to as much again by chance. */
  firstPause: number;
}

export interface Settings {
  /** One of the service's API keys. */
  key?: string;
  /** An upload ticket instead of a key, for `optimize` alone. */
  ticket?: string;
  retries?: Partial<Retries>;
  fetch?: typeof fetch;
}

const PATIENT: Retries = { attempts: 4, longestWait: 60, firstPause: 0.5 };
const BUSY = [429, 503];

/** The service refused; `code` is stable. */
export class ApiError extends Error {
  readonly code: string;

  constructor(
    readonly status: number,
    readonly problem: Partial<Problem>,
    /** Seconds after which another try may help. */
    readonly retryAfter: number | null,
  ) {
    super(`${status} ${problem.code ?? "unknown"}: ${problem.detail ?? ""}`);
    this.name = "ApiError";
    this.code = problem.code ?? "unknown";
  }
}

export class Pare {
  readonly #retries: Retries;
  readonly #fetch: typeof fetch;
  readonly #headers: Record<string, string>;

  constructor(
    readonly baseUrl: string,
    { key, ticket, retries, fetch: given }: Settings = {},
  ) {
    this.#retries = { ...PATIENT, ...retries };
    this.#fetch = given ?? ((...request) => fetch(...request));
    const credential = key ? `Bearer ${key}` : ticket ? `Ticket ${ticket}` : "";
    this.#headers = credential ? { Authorization: credential } : {};
  }

  /** The same picture in fewer bytes. */
  async optimize(image: Image, options: Options = {}, signal?: AbortSignal): Promise<Optimized> {
    const optimization = { optimization: options };
    return optimized(await this.#post("/optimize", inquiry(image, optimization), { Accept: "image/*" }, signal));
  }

  /** The same, put into a store: by default the service's own, by hash. */
  async store(image: Image, storage: StorageOptions = {}, options: Options = {}): Promise<Receipt> {
    const answer = await this.#post("/optimize", inquiry(image, { optimization: options, storage }));
    return (await answer.json()) as Receipt;
  }

  /** What `optimize` would leave, without doing it. */
  async estimate(image: Image, options: Options = {}, signal?: AbortSignal): Promise<Estimate> {
    const answer = await this.#post("/estimate", inquiry(image, { optimization: options }), {}, signal);
    return (await answer.json()) as Estimate;
  }

  /** Any image as a JPEG. */
  async compress(image: Blob | Uint8Array<ArrayBuffer>, quality?: number, background?: string): Promise<Optimized> {
    const query = background === undefined ? "" : `?${new URLSearchParams({ background })}`;
    const headers = quality === undefined ? {} : { "X-Compression-Quality": `${quality}` };
    const body = new Blob([image], { type: "application/octet-stream" });
    return optimized(await this.#post(`/compress${query}`, body, headers));
  }

  /** What lets a browser send an image without a key. */
  async ticket(terms: TicketRequest = {}): Promise<Ticket> {
    return (await (await this.#post("/tickets", json(terms))).json()) as Ticket;
  }

  /** What works there. */
  async health(): Promise<Health> {
    return (await (await this.#send("/health", {})).json()) as Health;
  }

  #post(path: string, body: BodyInit, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    return this.#send(path, { method: "POST", body, headers, ...(signal ? { signal } : {}) });
  }

  async #send(path: string, request: RequestInit): Promise<Response> {
    const url = this.baseUrl.replace(/\/+$/, "") + path;
    const headers = { ...this.#headers, ...(request.headers as Record<string, string> | undefined) };
    for (let made = 1; ; made++) {
      const answer = await this.#fetch(url, { ...request, headers });
      if (answer.ok) return answer;
      const error = await refusal(answer);
      const pause = BUSY.includes(answer.status) ? this.#pause(made, error.retryAfter) : null;
      if (pause === null) throw error;
      await waited(pause, request.signal ?? undefined);
    }
  }

  #pause(made: number, retryAfter: number | null): number | null {
    const { attempts, longestWait, firstPause } = this.#retries;
    const pause = retryAfter ?? firstPause * 2 ** (made - 1) * (1 + Math.random());
    return made < attempts && pause <= longestWait ? pause : null;
  }
}

/** A form with the file, or JSON with the address. */
function inquiry(image: Image, options: { optimization: Options; storage?: StorageOptions }): BodyInit {
  if (image instanceof URL) return json({ url: image.href, ...options });
  const form = new FormData();
  const name = "name" in image ? String(image.name) : "image";
  form.set("file", image instanceof Blob ? image : new Blob([image]), name);
  form.set("options", JSON.stringify(options));
  return form;
}

function json(document: unknown): Blob {
  return new Blob([JSON.stringify(document)], { type: "application/json" });
}

async function optimized(answer: Response): Promise<Optimized> {
  const { headers } = answer;
  const text = (name: string) => headers.get(name) ?? "";
  const quality = headers.get("x-quality-used");
  const score = text("x-quality-score").split("=")[1];
  return {
    data: await answer.blob(),
    originalSize: Number(text("x-original-size")),
    optimizedSize: Number(text("x-optimized-size")),
    reductionPercent: Number(text("x-reduction-percent")),
    originalFormat: text("x-original-format"),
    optimizedFormat: text("x-optimized-format"),
    method: text("x-optimization-method"),
    reason: text("x-optimization-reason"),
    width: Number(text("image-width")),
    height: Number(text("image-height")),
    qualityUsed: quality === null ? null : Number(quality),
    score: score === undefined ? null : Number(score),
    headers,
  };
}

/** What an answer that is no success says; not every proxy in between speaks JSON. */
async function refusal(answer: Response): Promise<ApiError> {
  const text = await answer.text();
  const after = answer.headers.get("retry-after");
  const seconds = after === null ? Number.NaN : /^\d+$/.test(after) ? Number(after) : (Date.parse(after) - Date.now()) / 1000;
  const retryAfter = Number.isNaN(seconds) ? null : Math.max(0, seconds);
  try {
    return new ApiError(answer.status, JSON.parse(text) as Problem, retryAfter);
  } catch {
    return new ApiError(answer.status, { detail: text.slice(0, 200) }, retryAfter);
  }
}

/** So many seconds; an abort ends them. */
function waited(seconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
