// How images come in: picked, dropped (folders too), pasted.

const MOST_DEEP = 5;

/** Hands every batch of files to `onFiles`. */
export function listen(onFiles, { choose, pick, veil }) {
  choose.addEventListener("click", () => pick.click());
  pick.addEventListener("change", () => {
    onFiles([...pick.files]);
    pick.value = ""; // so that the same file can be picked again
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    onFiles(files);
  });
  listenForDrops(onFiles, veil);
}

function listenForDrops(onFiles, veil) {
  let depth = 0;
  const show = (change) => {
    depth = Math.max(0, depth + change);
    veil.hidden = depth === 0;
  };
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => carriesFiles(event) && show(1));
  addEventListener("dragleave", (event) => carriesFiles(event) && show(-1));
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    show(-depth);
    onFiles(await dropped(event.dataTransfer));
  });
}

async function dropped(transfer) {
  // Entries have to be taken before the first await: the list is empty afterwards.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  return (await Promise.all(entries.map((entry) => filesOf(entry, MOST_DEEP)))).flat();
}

async function filesOf(entry, deep) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    return file && !file.name.startsWith(".") ? [file] : [];
  }
  if (deep === 0) return [];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) break;
    found.push(...some);
  }
  return (await Promise.all(found.map((one) => filesOf(one, deep - 1)))).flat();
}
