// Puts the page together.

import { Api } from "./api.js";
import { Connection } from "./connection.js";
import { curlOf } from "./curl.js";
import { FileList } from "./files.js";
import { listen } from "./intake.js";
import { State } from "./job.js";
import { unique } from "./names.js";
import { Pacer } from "./pacer.js";
import { ACCEPT, Queue } from "./queue.js";
import { save } from "./save.js";
import { Settings } from "./settings.js";
import { Speaker } from "./speaker.js";
import { sums, totalsSaid } from "./totals.js";
import { Viewer } from "./viewer.js";
import { bytes, images, seconds, smaller } from "./words.js";
import { zip } from "./zip.js";

const part = (id) => document.getElementById(id);
const api = new Api();
const speaker = new Speaker(part("said"));

function start(service) {
  const settings = new Settings(part("settings"), service.targets);
  const pacer = new Pacer(service.allowances);
  const queue = new Queue(api, pacer, service, () => settings.query());
  const does = {
    show: (job) => select(job, true),
    download: (job) => save(job.result.blob, job.result.name),
    curl: copyCurl,
    retry: (job) => queue.retry(job),
    stop: (job) => (job.open ? queue.cancel(job) : queue.remove(job)),
  };
  const act = (what, job) => does[what](job);
  const list = new FileList(part("files"), part("file-row"), act);
  const others = [...document.querySelectorAll("body > header, main > :not(#work), #work > .totals, #files")];
  const viewer = new Viewer(part("viewer"), part("viewer-body"), act, others);
  const connection = new Connection(api, part("offline"), () => queue.resume());

  part("limits").textContent += `, up to ${bytes(service.max_file_size)} each`;
  listen(add, { choose: part("choose"), pick: part("pick"), veil: part("veil") });
  listenToKey();
  if (service.key_needed) queue.stop("key");
  stopped();

  settings.addEventListener("change", () => {
    queue.reconsider();
    tellChanged();
  });
  queue.addEventListener("line", tellLine);
  queue.addEventListener("job", ({ detail: job }) => tellJob(job));
  queue.addEventListener("pace", tellPace);
  queue.addEventListener("stop", stopped);
  part("redo").addEventListener("click", () => queue.retry(...outdated()));
  part("clear").addEventListener("click", () => queue.remove(...queue.jobs));
  part("cancel-all").addEventListener("click", () => queue.jobs.forEach((job) => queue.cancel(job)));
  part("download-all").addEventListener("click", downloadAll);
  setInterval(tellPace, 1000);

  function add(files) {
    if (files.length === 0) return;
    queue.add(files);
    speaker.say(`${images(files.length)} added`);
  }

  function tellLine() {
    const any = queue.jobs.length > 0;
    document.body.classList.toggle("empty", !any);
    part("work").hidden = !any;
    list.sync(queue.jobs);
    if (!queue.jobs.includes(viewer.job)) select(queue.jobs.find((job) => job.state === State.DONE) ?? null);
    tellTotals();
  }

  function tellJob(job) {
    list.touch(job);
    if (!viewer.job && job.state === State.DONE) select(job);
    if (job === viewer.job) viewer.update();
    if (job.state === State.DONE) speaker.say(`${job.file.name}: ${smaller(job.result.percent)}`);
    if (job.state === State.FAILED) speaker.say(`${job.file.name}: ${job.trouble}`);
    tellTotals();
  }

  function select(job, byHand = false) {
    list.select(job);
    viewer.show(job);
    part("work").classList.toggle("viewing", job?.state === State.DONE);
    if (byHand && job?.state === State.DONE) viewer.focus();
  }

  let totalsDue = false;
  function tellTotals() {
    if (totalsDue) return;
    totalsDue = true;
    requestAnimationFrame(() => {
      totalsDue = false;
      writeTotals();
    });
  }

  function writeTotals() {
    const { main, percent, sub } = totalsSaid(queue.jobs);
    const { done, open, share } = sums(queue.jobs);
    const figure = document.createElement("strong");
    figure.textContent = percent;
    part("totals-main").replaceChildren(main, " ", figure);
    part("totals-sub").textContent = sub;
    part("totals-progress").value = share;
    part("totals-progress").hidden = open.length === 0;
    part("cancel-all").hidden = open.length === 0;
    part("download-all").disabled = done.length === 0;
    part("download-all").textContent = done.length > 1 ? `Download all ${done.length} (zip)` : "Download";
    part("work").classList.toggle("viewing", !part("viewer").hidden);
    tellChanged();
  }

  function outdated() {
    const query = settings.query();
    return queue.jobs.filter((job) => job.state === State.DONE && job.result.query !== query);
  }

  function tellChanged() {
    const count = outdated().length;
    part("changed").hidden = count === 0;
    part("changed-said").textContent = `${images(count)} done with other settings.`;
  }

  function tellPace() {
    const delay = queue.delay;
    part("paced").hidden = delay < 1500;
    if (part("paced").hidden) return;
    const tight = pacer.tight;
    const why = tight ? `This service takes ${tight.calls} calls in ${tight.seconds} s.` : "The service is busy.";
    part("paced-said").textContent = `${why} The next image goes in ${seconds(delay)}.`;
  }

  function stopped() {
    if (queue.stopped === "offline") connection.lost();
    if (queue.stopped === "key") askForKey();
  }

  function askForKey() {
    const refused = Boolean(api.key);
    part("key-title").textContent = refused ? "That key was not accepted" : "This service needs an API key";
    part("key-said").textContent = "Your images wait here until you give one.";
    showKey(true);
    part("key-field").setAttribute("aria-invalid", refused);
    part("key-field").focus();
    speaker.say(part("key-title").textContent);
  }

  function showKey(on) {
    part("key").hidden = !on;
    part("key-open").setAttribute("aria-expanded", on);
  }

  function listenToKey() {
    part("key-open").addEventListener("click", () => {
      showKey(part("key").hidden);
      if (!part("key").hidden) part("key-field").focus();
    });
    part("key").addEventListener("submit", (event) => {
      event.preventDefault();
      api.key = part("key-field").value.trim();
      showKey(false);
      pacer.forget();
      queue.resume();
    });
  }

  async function copyCurl(job) {
    const text = curlOf(job.result, job.file, { origin: location.origin, accept: ACCEPT, key: api.key });
    const done = await navigator.clipboard.writeText(text).then(() => true, () => false);
    if (done) speaker.show("Copied. Run it where the file is.");
    else prompt("Copy this command:", text); // the clipboard is closed to pages without TLS
  }

  async function downloadAll() {
    const { done } = sums(queue.jobs);
    const [first] = done;
    if (done.length === 1) return save(first.result.blob, first.result.name);
    const names = unique(done.map((job) => job.result.name));
    const files = done.map(({ result, file }, at) => ({ name: names[at], blob: result.blob, modified: file.lastModified }));
    try {
      save(await zip(files), "pare-images.zip");
    } catch (error) {
      speaker.show(error instanceof RangeError ? "Too much for one zip file: download them one by one." : error.message);
    }
    return undefined;
  }
}

/** The page begins once the service has said what it takes. */
async function begin() {
  try {
    start(await api.describe());
  } catch {
    const waiting = new Connection(api, part("offline"), begin);
    waiting.lost();
  }
}

begin();
