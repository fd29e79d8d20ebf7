// Facts in words that people read.

const UNITS = ["B", "kB", "MB", "GB"];

/** A number of bytes, as `1.24 MB`. */
export function bytes(count) {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Percent that were saved, as `−81.5%`; a file that grew has a plus. */
export function change(percent) {
  const rounded = Math.abs(percent) >= 99.95 || percent === 0 ? Math.round(percent) : percent.toFixed(1);
  const size = String(Math.abs(rounded));
  return `${percent > 0 ? "−" : percent < 0 ? "+" : ""}${size}%`;
}

/** The same for ears: `81.5% smaller`. */
export function smaller(percent) {
  if (percent === 0) return "the same size";
  return `${change(percent).slice(1)} ${percent > 0 ? "smaller" : "larger"}`;
}

/** `1 image`, `2 images`. */
export function images(count) {
  return count === 1 ? "1 image" : `${count} images`;
}

/** Seconds to wait, never `0 s`. */
export function seconds(milliseconds) {
  return `${Math.max(1, Math.ceil(milliseconds / 1000))} s`;
}

/** What a score means. */
export function alike(score) {
  if (score >= 90) return "not to be told apart";
  if (score >= 80) return "very high";
  if (score >= 70) return "high";
  if (score >= 50) return "medium";
  return "low";
}

const REASONS = {
  optimized: "Smaller, and checked: decoded again and compared, it is still the same picture.",
  already_optimal: "It was well made already. Nothing smaller was worth what it would lose.",
  would_be_larger: "Every attempt came out larger, so you get your own image, cleaned.",
  budget_unreachable: "The size you asked for would cost more quality than you allow. This is the closest.",
  score_unreachable: "No setting of this format looks that much alike. This is the best one.",
  time_limit: "It took longer than this service allows. This is the best that was found in time.",
  format_passthrough: "This format can only be cleaned without loss. That was done.",
};

/** Why the result is what it is. */
export function why(reason) {
  return REASONS[reason] ?? reason;
}

const NAMES = {
  jpeg: "JPEG", png: "PNG", apng: "APNG", webp: "WebP", gif: "GIF", svg: "SVG", svgz: "SVGZ",
  avif: "AVIF", heic: "HEIC", tiff: "TIFF", bmp: "BMP", psd: "PSD",
};

/** A format's name as people write it. */
export function formatName(name) {
  return NAMES[name] ?? name.toUpperCase();
}

/** What keeps a file from being optimized. */
export function refusal(status, problem, limit) {
  if (status === 413) return `Too large: this service takes at most ${bytes(problem?.limit ?? limit)}.`;
  if (status === 415) return "Not an image in a format that this service knows.";
  if (problem?.code === "image_limit_exceeded") return `Over a limit of this service: ${problem.detail}.`;
  if (status === 422) return `It cannot be decoded: ${problem?.detail ?? "the file is damaged"}.`;
  if (status === 504) return "It took longer than this service allows.";
  if (status >= 500) return `The service failed (${status}). Your image is not at fault.`;
  return problem?.detail ?? `The service refused it (${status}).`;
}
