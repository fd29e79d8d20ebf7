// Everything that Tinify's Node client can ask, against the service at API; what came back, as JSON on stdout.
const fs = require("fs");
const path = require("path");
const tinify = require("tinify");

const folder = process.env.FOLDER;
tinify.Client.API_ENDPOINT = process.env.API;
tinify.Client.CA_BUNDLE = fs.readFileSync(process.env.AUTHORITY);
tinify.Client.RETRY_DELAY = 1;
tinify.key = "node";

const logo = fs.readFileSync(path.join(folder, "logo.png"));

async function told(result) {
  const body = await result.toBuffer();
  return {
    width: await result.width(),
    height: await result.height(),
    size: await result.size(),
    bytes: body.length,
    type: await result.mediaType(),
    extension: await result.extension(),
    image: body.toString("base64"),
  };
}

async function refused(work) {
  try {
    await work();
  } catch (error) {
    const kinds = ["AccountError", "ClientError", "ServerError", "ConnectionError"];
    return [kinds.find((kind) => error instanceof tinify[kind]), error.status ?? null, error.message];
  }
  return null;
}

async function main() {
  const found = {};
  await tinify.fromFile(path.join(folder, "photo.jpg")).toFile(path.join(folder, "made.jpg"));
  found.buffer = await told(tinify.fromBuffer(logo).result());
  found.url = await told(tinify.fromUrl(process.env.PICTURE).result());

  const photo = tinify.fromFile(path.join(folder, "photo.jpg"));
  found.scale = await told(photo.resize({ method: "scale", width: 60 }).result());
  found.fit = await told(photo.resize({ method: "fit", width: 100, height: 40 }).result());
  found.cover = await told(photo.resize({ method: "cover", width: 50, height: 20 }).result());
  found.thumb = await told(photo.resize({ method: "thumb", width: 20, height: 20 }).result());
  found.one = await told(photo.convert({ type: "image/webp" }).result());
  found.several = await told(photo.convert({ type: ["image/webp", "image/png"] }).result());
  found.any = await told(photo.convert({ type: "*/*" }).result());
  const flat = tinify.fromBuffer(logo).convert({ type: "image/jpeg" }).transform({ background: "#ff0000" });
  found.flat = await told(flat.result());
  found.kept = await told(photo.preserve("copyright", "creation", "location").result());

  const stored = photo.resize({ method: "scale", width: 60 }).store({
    service: "s3",
    aws_access_key_id: "not used",
    aws_secret_access_key: "not used",
    region: "us-west-1",
    path: "pictures/node/photo.jpg",
  });
  found.stored = { location: await stored.location(), width: await stored.width(), height: await stored.height() };
  found.count = tinify.compressionCount;
  found.valid = (await refused(() => tinify.validate())) === null;

  found.refused = {
    file: await refused(() => tinify.fromBuffer(Buffer.from("no picture")).toBuffer()),
    wish: await refused(() => photo.resize({ method: "cover", width: 10 }).toBuffer()),
    bucket: await refused(() => photo.store({ service: "s3", path: "foreign/a.jpg" }).location()),
  };
  tinify.key = "spent";
  found.refused.often = await refused(() => tinify.fromBuffer(logo).toBuffer());
  tinify.key = "wrong";
  found.refused.key = await refused(() => tinify.validate());
  tinify.Client.CA_BUNDLE = undefined;
  tinify.key = "node";
  found.refused.authority = await refused(() => tinify.fromBuffer(logo).toBuffer());
  console.log(JSON.stringify(found));
}

main();
