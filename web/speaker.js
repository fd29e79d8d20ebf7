// What screen readers are told, and short notes that everybody sees.

const PAUSE = 1200;
const SHOWN = 4000;

export class Speaker {
  #region;
  #waiting = [];
  #timer = 0;

  constructor(region) {
    this.#region = region;
  }

  /** Says it; what comes in one moment is said in one breath. */
  say(text) {
    this.#waiting.push(text);
    if (!this.#timer) this.#timer = setTimeout(() => this.#speak(), PAUSE / 4);
  }

  /** Says it, and shows it for a while. */
  show(text) {
    this.say(text);
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = text;
    note.setAttribute("aria-hidden", "true");
    document.body.append(note);
    setTimeout(() => note.remove(), SHOWN);
  }

  #speak() {
    const said = this.#waiting.splice(0);
    this.#region.textContent = said.length > 3 ? `${said.at(-1)}, and ${said.length - 1} more` : said.join(". ");
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      if (this.#waiting.length) this.#speak();
    }, PAUSE);
  }
}
