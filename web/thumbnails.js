// Small pictures for the list, one at a time and off the main thread where the browser can.

let turn = Promise.resolve();

/** Draws the file into the canvas, or its format's name where the browser cannot show it. */
export function draw(canvas, file) {
  turn = turn.then(() => canvas.isConnected && paint(canvas, file)).catch(() => label(canvas, file));
}

async function paint(canvas, file) {
  const picture = await (file.type === "image/svg+xml" ? drawing(file) : createImageBitmap(file, { resizeWidth: 224 }));
  const width = picture.naturalWidth ?? picture.width;
  const height = picture.naturalHeight ?? picture.height;
  const scale = canvas.width / Math.min(width, height);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  const [wide, high] = [width * scale, height * scale];
  context.drawImage(picture, (canvas.width - wide) / 2, (canvas.height - high) / 2, wide, high);
  picture.close?.();
}

async function drawing(file) {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(url);
  }
}

function label(canvas, file) {
  const context = canvas.getContext("2d");
  const dot = file.name.lastIndexOf(".");
  context.fillStyle = getComputedStyle(canvas).color;
  context.font = `600 26px ${getComputedStyle(document.body).fontFamily}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(dot > 0 ? file.name.slice(dot + 1, dot + 5).toUpperCase() : "?", canvas.width / 2, canvas.height / 2);
}
