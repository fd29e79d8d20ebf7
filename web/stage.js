// Before and after in one place: a divider that moves, zoom, and a picture that can be moved about.

import { View } from "./view.js";

const STEP = 2;
const FAR = 10;
const ZOOM_STEP = 1.5;
const PAN_STEP = 60;

export class Stage {
  #root;
  #split;
  #layers;
  #view = new View();
  #urls = [];
  #onZoom;
  #pointers = new Map();
  #share = 50;

  /** `onZoom` is called whenever the zoom is another. */
  constructor(root, onZoom) {
    this.#root = root;
    this.#split = root.querySelector(".split");
    this.#layers = { before: root.querySelector(".before img"), after: root.querySelector(".after img") };
    this.#onZoom = onZoom;
    new ResizeObserver(() => this.#resized()).observe(root);
    this.#listen();
    this.#divide(50);
  }

  get view() {
    return this.#view;
  }

  /** Shows both; tells which of them the browser can show, as `{before, after}`. */
  async show(before, after, width, height, name) {
    this.clear();
    this.#layers.before.alt = `${name}, before`;
    this.#layers.after.alt = `${name}, after`;
    const loading = [this.#load("before", before), this.#load("after", after)];
    const urls = this.#urls;
    this.#view.show(width, height);
    this.#divide(50);
    this.#place();
    const [seenBefore, seenAfter] = await Promise.all(loading);
    if (urls !== this.#urls) return null; // another picture came meanwhile
    this.#root.classList.toggle("single", !(seenBefore && seenAfter));
    this.#root.classList.toggle("no-before", !seenBefore);
    this.#root.classList.toggle("no-after", !seenAfter);
    return { before: seenBefore, after: seenAfter };
  }

  /** Lets go of both pictures. */
  clear() {
    this.#urls.forEach((url) => URL.revokeObjectURL(url));
    this.#urls = [];
    for (const image of Object.values(this.#layers)) image.removeAttribute("src");
  }

  /** `fit`, `one`, `in` or `out`. */
  zoom(how) {
    if (how === "fit") this.#view.fit();
    else if (how === "one") this.#view.toOne();
    else this.#view.scale(how === "in" ? ZOOM_STEP : 1 / ZOOM_STEP);
    this.#place();
  }

  async #load(which, blob) {
    const url = URL.createObjectURL(blob);
    this.#urls.push(url);
    this.#layers[which].src = url;
    return this.#layers[which].decode().then(() => true, () => false);
  }

  #place() {
    const { x, y, width, height } = this.#view.box;
    for (const image of Object.values(this.#layers)) {
      image.style.transform = `translate(${x}px, ${y}px)`;
      image.style.width = `${width}px`;
      image.style.height = `${height}px`;
      image.classList.toggle("coarse", this.#view.zoom * devicePixelRatio > 2);
    }
    this.#root.classList.toggle("movable", !this.#view.fitted);
    this.#onZoom();
  }

  #divide(share) {
    this.#share = Math.min(100, Math.max(0, share));
    const rounded = Math.round(this.#share);
    this.#root.style.setProperty("--split", `${this.#share}%`);
    this.#split.setAttribute("aria-valuenow", rounded);
    this.#split.setAttribute("aria-valuetext", `${rounded}% before, ${100 - rounded}% after`);
  }

  #resized() {
    this.#view.resize(this.#root.clientWidth, this.#root.clientHeight);
    this.#place();
  }

  #listen() {
    this.#split.addEventListener("keydown", (event) => this.#key(event, this.#splitKeys()));
    this.#root.addEventListener("keydown", (event) => {
      this.#key(event, this.#zoomKeys());
      if (event.target === this.#root) this.#key(event, this.#panKeys());
    });
    this.#root.addEventListener("pointerdown", (event) => this.#down(event));
    this.#root.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      this.#root.addEventListener(end, (event) => this.#pointers.delete(event.pointerId));
    }
    this.#root.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#root.addEventListener("dblclick", () => this.zoom(this.#view.fitted ? "one" : "fit"));
  }

  #key(event, keys) {
    const does = keys[event.key];
    if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    does(event.shiftKey);
  }

  #splitKeys() {
    const by = (sign) => (far) => this.#divide(this.#share + sign * (far ? FAR : STEP));
    return {
      ArrowLeft: by(-1), ArrowDown: by(-1), ArrowRight: by(1), ArrowUp: by(1),
      PageDown: () => by(-1)(true), PageUp: () => by(1)(true),
      Home: () => this.#divide(0), End: () => this.#divide(100),
    };
  }

  #zoomKeys() {
    const to = (how) => () => this.zoom(how);
    return { 0: to("fit"), 1: to("one"), "+": to("in"), "=": to("in"), "-": to("out") };
  }

  #panKeys() {
    const by = (x, y) => () => this.#pan(x * PAN_STEP, y * PAN_STEP);
    return { ArrowLeft: by(1, 0), ArrowRight: by(-1, 0), ArrowUp: by(0, 1), ArrowDown: by(0, -1) };
  }

  #pan(x, y) {
    this.#view.move(x, y);
    this.#place();
  }

  #down(event) {
    if (event.button !== 0) return;
    const divides = this.#split.contains(event.target) || this.#view.fitted;
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, divides });
    this.#root.setPointerCapture(event.pointerId);
    if (divides) this.#follow(event);
  }

  #move(event) {
    const last = this.#pointers.get(event.pointerId);
    if (!last) return;
    const now = { ...last, x: event.clientX, y: event.clientY };
    if (this.#pointers.size === 2) this.#pinch(event.pointerId, last, now);
    else if (last.divides) this.#follow(event);
    else this.#pan(now.x - last.x, now.y - last.y);
    this.#pointers.set(event.pointerId, now);
  }

  #follow(event) {
    const { left, width } = this.#root.getBoundingClientRect();
    this.#divide(((event.clientX - left) / width) * 100);
  }

  #pinch(id, last, now) {
    const [, other] = [...this.#pointers].find(([key]) => key !== id);
    const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y);
    this.#scaleAt(apart(now) / Math.max(1, apart(last)), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // else the page scrolls, as people expect
    event.preventDefault();
    this.#scaleAt(Math.exp(-event.deltaY / 200), event.clientX, event.clientY);
  }

  #scaleAt(factor, clientX, clientY) {
    const { left, top } = this.#root.getBoundingClientRect();
    this.#view.scale(factor, clientX - left, clientY - top);
    this.#place();
  }
}
