// A Cloudflare Worker in front of Pare's GET /images, on the route /images/* of a zone whose origin is Pare.
// Cloudflare's own cache takes no notice of Vary: Accept. So the Worker keeps answers itself, under the query sorted and
// one of three spellings of Accept. Cache-Control says for how long; Cache-Tag lets them be purged by tag.

const PARAMETERS = ["w", "h", "fit", "format", "q", "dpr", "sharpen", "preset", "v", "exp", "kid", "sig"];

export function takes(accept, type) {
  return accept.split(",").some((range) => {
    const [name, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    return name === type && !parameters.some((part) => /^q=0(\.0*)?$/.test(part));
  });
}

export function spelled(accept) {
  if (takes(accept, "image/avif")) return "image/avif,image/webp";
  return takes(accept, "image/webp") ? "image/webp" : "*/*";
}

// The URL that Pare is asked for: what it does not know, it would refuse.
export function asked(address) {
  const url = new URL(address);
  const pairs = [...url.searchParams].filter(([name]) => PARAMETERS.includes(name));
  url.search = new URLSearchParams(pairs.sort()).toString();
  return url;
}

export function negotiates(url) {
  return url.searchParams.get("format") === "auto" || url.searchParams.has("preset");
}

function shown(found, method, url) {
  const answer = new Response(method === "HEAD" ? null : found.body, found);
  if (negotiates(url)) answer.headers.set("Vary", "Accept");
  return answer;
}

export default {
  async fetch(request, env, context) {
    if (request.method !== "GET" && request.method !== "HEAD") return new Response(null, { status: 405 });
    const url = asked(request.url);
    const accept = negotiates(url) ? spelled(request.headers.get("Accept") ?? "") : "*/*";
    const place = new URL(url);
    place.searchParams.set("accept", accept);
    // A condition or a range of the client's is answered from what is kept.
    const conditions = ["If-None-Match", "If-Modified-Since", "Range"].filter((name) => request.headers.has(name));
    const key = new Request(place, {
      headers: Object.fromEntries(conditions.map((name) => [name, request.headers.get(name)])),
    });

    const kept = await caches.default.match(key);
    if (kept) return shown(kept, request.method, url);
    // Past the cache below, which goes by the URL alone (no-store needs a compatibility date from 2024-11-11 on).
    const answer = await fetch(url, { headers: { Accept: accept }, cache: "no-store" });
    if (!answer.ok) return answer;
    const storable = new Response(answer.clone().body, answer);
    storable.headers.delete("Vary"); // the key says it, and the cache goes by no header
    context.waitUntil(caches.default.put(new Request(place), storable));
    return shown(answer, request.method, url);
  },
};
