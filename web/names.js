// File names: what a result is called, on any system, and never twice.

const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]/g;
const LONGEST = 120;

/** A name that every system accepts and that shows nothing but itself. */
export function safeName(name) {
  const plain = name.replace(FORBIDDEN, "_").replace(/^[. ]+|[. ]+$/g, "");
  const dot = plain.lastIndexOf(".");
  const [stem, extension] = dot > 0 ? [plain.slice(0, dot), plain.slice(dot)] : [plain, ""];
  return (Array.from(stem).slice(0, LONGEST).join("") || "image") + extension.slice(0, 12);
}

/** The sender's name with the result's extension. */
export function nameOf(given, format, formats) {
  const name = safeName(given);
  const known = formats[format] ?? [format];
  const dot = name.lastIndexOf(".");
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot + 1).toLowerCase()] : [name, ""];
  return known.includes(extension) ? name : `${stem}.${known[0]}`;
}

/** The same names with numbers where one would be there twice, in whatever case. */
export function unique(names) {
  const taken = new Set();
  return names.map((name) => {
    const dot = name.lastIndexOf(".");
    let found = name;
    for (let number = 2; taken.has(found.toLowerCase()); number += 1) {
      found = `${name.slice(0, dot)} (${number})${name.slice(dot)}`;
    }
    taken.add(found.toLowerCase());
    return found;
  });
}
