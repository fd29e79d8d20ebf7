// Hands a file to the browser's downloads.

/** Browsers read the address some time after the click. */
const KEPT = 20_000;

export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT);
}
