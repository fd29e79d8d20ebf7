// Puts the page together: what people do becomes calls of the queue, and what it says becomes what they see.

import { Api } from "./api.js";
import { Connection } from "./connection.js";
import { curlOf } from "./curl.js";
import { FileList } from "./files.js";
import { listen } from "./intake.js";
import { State } from "./job.js";
import { KeyField } from "./key.js";
import { unique } from "./names.js";
import { Pacer } from "./pacer.js";
import { ACCEPT, Queue } from "./queue.js";
import { save } from "./save.js";
import { Settings } from "./settings.js";
import { Speaker } from "./speaker.js";
import { Totals } from "./totals.js";
import { Viewer } from "./viewer.js";
import { bytes, images, seconds, smaller } from "./words.js";
import { zip } from "./zip.js";

/** Milliseconds of waiting that are worth a word. */
const NOTICED = 1500;
const part = (id) => document.getElementById(id);

class Page {
  #api;
  #connection;
  #settings;
  #pacer;
  #queue;
  #list;
  #viewer;
  #key;
  #totals = new Totals();
  #speaker = new Speaker(part("said"));

  /** `service` is what the service says of itself. */
  constructor(service, api, connection) {
    this.#api = api;
    this.#connection = connection;
    this.#settings = new Settings(part("settings"), service.targets);
    this.#pacer = new Pacer(service.allowances);
    this.#queue = new Queue(api, this.#pacer, service, () => this.#settings.query());
    const act = (what, job) => this.#act(what, job);
    this.#list = new FileList(part("files"), part("file-row"), act);
    const others = document.querySelectorAll("body > header, main > :not(#work, .intro), #work > .totals, #files");
    this.#viewer = new Viewer(part("viewer"), part("viewer-body"), act, others);
    this.#key = new KeyField((key) => this.#useKey(key));
    part("limits").textContent += `, up to ${bytes(service.max_file_size)} each`;
    this.#listen();
    if (service.key_needed) this.#queue.stop("key");
  }

  #listen() {
    const queue = this.#queue;
    this.#connection.onBack = () => queue.resume();
    this.#settings.addEventListener("change", () => this.#reconsider());
    queue.addEventListener("line", () => this.#tellLine());
    queue.addEventListener("job", ({ detail: job }) => this.#tellJob(job));
    queue.addEventListener("pace", () => this.#tellPace());
    queue.addEventListener("stop", () => this.#tellStop());
    setInterval(() => this.#tick(), 1000);
    const clicks = {
      redo: () => queue.retry(...this.#outdated()),
      clear: () => queue.remove(...queue.jobs),
      "cancel-all": () => queue.jobs.forEach((job) => queue.cancel(job)),
      "download-all": () => this.#downloadAll(),
    };
    for (const [id, does] of Object.entries(clicks)) part(id).addEventListener("click", does);
  }

  add(files) {
    if (files.length === 0) return;
    this.#queue.add(files);
    this.#speaker.say(`${images(files.length)} added`);
  }

  #act(what, job) {
    if (what === "show") this.#select(job, true);
    else if (what === "download") save(job.result.blob, job.result.name);
    else if (what === "curl") this.#copyCurl(job);
    else if (what === "retry") this.#queue.retry(job);
    else if (job.open) this.#queue.cancel(job);
    else this.#queue.remove(job);
  }

  #select(job, byHand = false) {
    this.#list.select(job);
    this.#viewer.show(job);
    part("work").classList.toggle("viewing", !part("viewer").hidden);
    if (byHand && job.state === State.DONE) this.#viewer.focus();
  }

  #reconsider() {
    this.#queue.reconsider();
    this.#tellOutdated();
  }

  #outdated() {
    const query = this.#settings.query();
    return this.#queue.jobs.filter((job) => job.state === State.DONE && job.result.query !== query);
  }

  #useKey(key) {
    this.#api.key = key;
    this.#pacer.forget();
    this.#queue.resume();
  }

  #tellLine() {
    const { jobs } = this.#queue;
    document.body.classList.toggle("empty", jobs.length === 0);
    part("work").hidden = jobs.length === 0;
    this.#list.sync(jobs);
    if (!jobs.includes(this.#viewer.job)) this.#select(jobs.find((job) => job.state === State.DONE) ?? null);
    this.#tellTotals();
  }

  #tellJob(job) {
    this.#list.touch(job);
    if (job.state === State.DONE) {
      if (!this.#viewer.job) this.#select(job);
      this.#speaker.say(`${job.file.name}: ${smaller(job.result.percent)}`);
    }
    if (job.state === State.FAILED) this.#speaker.say(`${job.file.name}: ${job.trouble}`);
    if (job === this.#viewer.job) this.#select(job);
    this.#tellTotals();
  }

  #tellTotals() {
    this.#totals.touch(() => this.#queue.jobs);
    this.#tellOutdated();
  }

  #tellOutdated() {
    const count = this.#outdated().length;
    part("changed").hidden = count === 0;
    part("changed-said").textContent = `${images(count)} done with other settings.`;
  }

  /** What time alone changes. */
  #tick() {
    this.#queue.jobs.filter((job) => job.running).forEach((job) => this.#list.touch(job));
    this.#tellPace();
  }

  #tellPace() {
    const { delay } = this.#queue;
    part("paced").hidden = delay < NOTICED;
    const { tight } = this.#pacer;
    const why = tight ? `This service takes ${tight.calls} calls in ${tight.seconds} s.` : "The service is busy.";
    part("paced-said").textContent = `${why} The next image goes in ${seconds(delay)}.`;
  }

  #tellStop() {
    if (this.#queue.stopped === "offline") {
      this.#connection.lost();
      this.#speaker.say("The service does not answer. Trying again.");
    }
    if (this.#queue.stopped === "key") this.#speaker.say(this.#key.ask(Boolean(this.#api.key)));
  }

  async #copyCurl(job) {
    const text = curlOf(job.result, job.file, { origin: location.origin, accept: ACCEPT, key: this.#api.key });
    const done = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    if (done) this.#speaker.show("Copied. Run it in the folder of your image.");
    else prompt("Copy this command:", text); // the clipboard is closed to pages without TLS
  }

  async #downloadAll() {
    const done = this.#queue.jobs.filter((job) => job.state === State.DONE);
    if (done.length === 1) return this.#act("download", done[0]);
    const names = unique(done.map((job) => job.result.name));
    const files = done.map(({ result, file }, at) => ({ name: names[at], blob: result.blob, modified: file.lastModified }));
    try {
      save(await zip(files), "pare-images.zip");
    } catch (error) {
      this.#speaker.show(error instanceof RangeError ? "Too much for one zip file. Download one by one." : error.message);
    }
    return undefined;
  }
}

const api = new Api();
const connection = new Connection(api, part("offline"));
let page = null;
/** What comes before the service has said what it takes. */
const early = [];

async function begin() {
  const service = await api.describe().catch(() => null);
  if (!service) return connection.lost();
  page = new Page(service, api, connection);
  return page.add(early);
}

const doors = { choose: part("choose"), pick: part("pick"), veil: part("veil") };
listen((files) => (page ? page.add(files) : early.push(...files)), doors);
connection.onBack = begin;
begin();
