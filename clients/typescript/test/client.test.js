// Run against a service: PARE_URL=http://localhost:8080 PHOTO=photo.jpg npm test

import assert from "node:assert/strict";
import { File } from "node:buffer";
import { readFile } from "node:fs/promises";
import test from "node:test";

import { ApiError, Pare } from "../dist/index.js";

const pare = new Pare(`${process.env.PARE_URL}/`);
const photo = new Uint8Array(await readFile(process.env.PHOTO));
const problem = (status, code, headers = {}) =>
  new Response(JSON.stringify({ status, code, detail: "why" }), { status, headers });

/** A client whose answers are given; `calls` counts. */
function scripted(answers, settings = {}) {
  const calls = [];
  const fetch = async (...request) => (calls.push(request), answers.shift());
  return { calls, pare: new Pare("http://pare", { fetch, retries: { firstPause: 0 }, ...settings }) };
}

test("optimize", async () => {
  const made = await pare.optimize(new File([photo], "beach.jpg"), { quality: "auto", min_score: 75 });
  assert.equal(made.data.size, made.optimizedSize);
  assert.ok(made.optimizedSize < made.originalSize && made.originalSize === photo.length);
  assert.ok(made.score >= 75);
  assert.match(made.headers.get("content-disposition"), /beach\.jpg/);
  assert.deepEqual([made.width, made.height, made.reason], [160, 120, "optimized"]);
  assert.equal((await pare.optimize(photo, { format: "webp" })).optimizedFormat, "webp");
});

test("estimate, compress, store, ticket, health", async () => {
  const estimate = await pare.estimate(photo, { quality: 60 });
  assert.ok(estimate.interval.low <= estimate.estimated_reduction_percent);
  assert.equal((await pare.compress(photo, 60, "#00f")).optimizedFormat, "jpeg");
  const receipt = await pare.store(photo, { path: "clients/{hash}.{ext}" });
  assert.match(receipt.storage.path, /^clients\//);
  const { ticket } = await pare.ticket({ uses: 1, optimization: { quality: 50 } });
  assert.equal((await new Pare(process.env.PARE_URL, { ticket }).optimize(photo)).qualityUsed, 50);
  assert.equal((await pare.health()).formats.jpeg.works, true);
});

test("a refusal is typed", async () => {
  const refused = (code) => (error) => error instanceof ApiError && error.code === code;
  await assert.rejects(pare.optimize(new Uint8Array([1, 2, 3])), refused("unknown_format"));
  await assert.rejects(pare.optimize(photo, { quality: 101 }), refused("invalid_options"));
  await assert.rejects(pare.optimize(new URL("http://127.0.0.1/a.png")), refused("url_refused"));
});

test("what passes is waited for, up to a point", async () => {
  const passing = scripted([problem(503, "busy", { "Retry-After": "0" }), problem(429, "rate_limited"), Response.json({ status: "ok" })]);
  assert.equal((await passing.pare.health()).status, "ok");
  assert.equal(passing.calls.length, 3);
  const far = scripted([problem(429, "rate_limited", { "Retry-After": "3600" })]);
  await assert.rejects(far.pare.health(), (error) => error.retryAfter === 3600);
  const often = scripted(Array.from({ length: 9 }, () => problem(503, "busy")));
  await assert.rejects(often.pare.health(), { status: 503 });
  assert.equal(often.calls.length, 4);
  const later = new Date(Date.now() + 100_000).toUTCString();
  await assert.rejects(scripted([problem(503, "busy", { "Retry-After": later })]).pare.health(), (e) => e.retryAfter > 95);
});

test("an abort ends the waiting", async () => {
  const { pare } = scripted([problem(503, "busy", { "Retry-After": "50" })]);
  await assert.rejects(pare.optimize(photo, {}, AbortSignal.timeout(50)), { name: "TimeoutError" });
});

test("credentials go into one header; no proxy in between can upset it", async () => {
  const { pare, calls } = scripted([new Response("<html>Bad gateway</html>", { status: 502 })], { key: "secret" });
  await assert.rejects(pare.health(), (error) => error.code === "unknown" && error.message.includes("<html>"));
  assert.equal(calls[0][1].headers.Authorization, "Bearer secret");
  assert.ok(!calls[0][0].includes("secret"));
});
