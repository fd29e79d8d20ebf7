// A zip file of files that are small already: stored, names in UTF-8.

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
const UTF8 = 0x0800;
const MOST_BYTES = 0xffff_ffff;
const MOST_FILES = 0xffff;

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 as zip wants it. */
export function crc32(data) {
  let crc = 0xffffffff;
  for (const byte of data) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** A Blob of all `{name, blob, modified}`, which it refers to and does not copy. Throws RangeError past 4 GB. */
export async function zip(files) {
  const total = files.reduce((sum, file) => sum + file.blob.size + 200 + 6 * file.name.length, 0);
  if (total > MOST_BYTES || files.length > MOST_FILES) throw new RangeError("too much for one zip file");
  const parts = [];
  const entries = [];
  let offset = 0;
  for (const { name, blob, modified } of files) {
    const encoded = new TextEncoder().encode(name);
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    const common = [[2, VERSION], [2, UTF8], [2, 0], ...stamp(modified), [4, crc], [4, blob.size], [4, blob.size],
      [2, encoded.length], [2, 0]];
    const header = record([4, LOCAL], ...common);
    parts.push(header, encoded, blob);
    entries.push(record([4, CENTRAL], [2, VERSION], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), encoded);
    offset += header.length + encoded.length + blob.size;
  }
  const size = entries.reduce((sum, part) => sum + part.length, 0);
  const end = record([4, END], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0]);
  return new Blob([...parts, ...entries, end], { type: "application/zip" });
}

/** Time and date as DOS wrote them: local, in steps of two seconds, from 1980. */
function stamp(modified) {
  const at = new Date(modified);
  const time = (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1);
  const date = (Math.max(0, at.getFullYear() - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate();
  return [[2, time], [2, date]];
}

/** Little-endian numbers, each given as its width in bytes and its value. */
function record(...fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [width]) => sum + width, 0)));
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return new Uint8Array(view.buffer);
}
