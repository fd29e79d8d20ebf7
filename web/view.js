// Where a picture stands in its stage: zoom and position, in CSS pixels.

const MOST = 16;

export class View {
  #size = { width: 1, height: 1 };
  #stage = { width: 1, height: 1 };
  #zoom = 1;
  #fitted = true;
  #x = 0;
  #y = 0;

  get zoom() {
    return this.#zoom;
  }

  get fitted() {
    return this.#fitted;
  }

  /** Whether a pixel of the picture is a pixel of the screen. */
  get one() {
    return !this.#fitted && Math.abs(this.#zoom * devicePixelRatio - 1) < 0.001;
  }

  /** Left, top, width and height of the picture. */
  get box() {
    const [width, height] = [this.#size.width * this.#zoom, this.#size.height * this.#zoom];
    return { x: this.#stage.width / 2 + this.#x - width / 2, y: this.#stage.height / 2 + this.#y - height / 2, width, height };
  }

  /** Another picture. */
  show(width, height) {
    this.#size = { width: Math.max(1, width), height: Math.max(1, height) };
    this.fit();
  }

  /** Another size of the stage. */
  resize(width, height) {
    this.#stage = { width, height };
    if (this.#fitted) this.fit();
    else this.move(0, 0);
  }

  /** All of it, never enlarged beyond 1:1. */
  fit() {
    this.#fitted = true;
    this.#zoom = this.#fitting();
    this.#x = 0;
    this.#y = 0;
  }

  /** So many times as large, around a point of the stage. */
  scale(factor, x = this.#stage.width / 2, y = this.#stage.height / 2) {
    const least = Math.min(this.#fitting(), 1 / devicePixelRatio);
    const zoom = Math.min(MOST, Math.max(least, this.#zoom * factor));
    const real = zoom / this.#zoom;
    const [fromX, fromY] = [x - this.#stage.width / 2, y - this.#stage.height / 2];
    this.#fitted = false;
    this.#zoom = zoom;
    this.#x = fromX - (fromX - this.#x) * real;
    this.#y = fromY - (fromY - this.#y) * real;
    this.move(0, 0);
  }

  /** One pixel of the picture on one of the screen. */
  toOne() {
    this.scale(1 / devicePixelRatio / this.#zoom);
  }

  /** Moves the picture, whose edge never comes further in than the stage's. */
  move(x, y) {
    const room = (picture, stage) => Math.max(0, (picture - stage) / 2);
    const within = (value, most) => Math.min(most, Math.max(-most, value));
    this.#x = within(this.#x + x, room(this.#size.width * this.#zoom, this.#stage.width));
    this.#y = within(this.#y + y, room(this.#size.height * this.#zoom, this.#stage.height));
  }

  #fitting() {
    const { width, height } = this.#size;
    return Math.min(1 / devicePixelRatio, this.#stage.width / width, this.#stage.height / height);
  }
}
