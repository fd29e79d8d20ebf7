// The command that does the same as this page.

import { safeName } from "./names.js";

/** One shell word, whatever is in it. */
export function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The call of one image; a key is named, never shown. */
export function curlOf(result, file, { origin, accept, key }) {
  const query = result.query ? `?${result.query}` : "";
  const dot = result.name.lastIndexOf(".");
  const target = `${result.name.slice(0, dot)}-small${result.name.slice(dot)}`;
  const words = ["curl", "--data-binary", quoted(`@${safeName(file.name)}`), quoted(`${origin}/optimize${query}`)];
  if (new URLSearchParams(result.query).get("format") === "auto") words.push("-H", quoted(`Accept: ${accept}`));
  if (key) words.push("-H", '"Authorization: Bearer $PARE_KEY"');
  return [...words, "-o", quoted(target)].join(" ");
}
