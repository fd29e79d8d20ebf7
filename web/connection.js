// What happens while the service does not answer: it is asked again, less and less often.

const FIRST = 2;
const LONGEST = 15;

export class Connection {
  /** Called once the service answers again. */
  onBack = () => {};
  #api;
  #said;
  #banner;
  #wait = FIRST;
  #timer = 0;

  constructor(api, banner) {
    this.#api = api;
    this.#banner = banner;
    this.#said = banner.querySelector("#offline-said");
    banner.querySelector("#offline-now").addEventListener("click", () => this.#try());
    addEventListener("online", () => !banner.hidden && this.#try());
  }

  /** The service did not answer. */
  lost() {
    if (!this.#banner.hidden) return;
    this.#banner.hidden = false;
    this.#wait = FIRST;
    this.#count(this.#wait);
  }

  #count(left) {
    clearTimeout(this.#timer);
    this.#said.textContent = left > 0 ? `Trying again in ${left} s.` : "Trying now…";
    if (left > 0) this.#timer = setTimeout(() => this.#count(left - 1), 1000);
    else this.#try();
  }

  async #try() {
    clearTimeout(this.#timer);
    this.#said.textContent = "Trying now…";
    if (await this.#api.alive()) {
      this.#banner.hidden = true;
      this.onBack();
      return;
    }
    this.#wait = Math.min(LONGEST, this.#wait * 2);
    this.#count(this.#wait);
  }
}
