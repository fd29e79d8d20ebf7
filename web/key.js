// The field for an API key, which opens when the service asks for one.

export class KeyField {
  #form = document.getElementById("key");
  #opener = document.getElementById("key-open");
  #field = document.getElementById("key-field");

  /** `onKey` is handed what was typed. */
  constructor(onKey) {
    this.#opener.addEventListener("click", () => this.#show(this.#form.hidden));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#show(false);
      onKey(this.#field.value.trim());
    });
  }

  /** The service wants a key, or another one; what it says. */
  ask(refused) {
    const title = refused ? "That key was not accepted" : "This service needs an API key";
    document.getElementById("key-title").textContent = title;
    document.getElementById("key-said").textContent = "Your images wait here until you give one.";
    this.#field.setAttribute("aria-invalid", refused);
    this.#show(true);
    return title;
  }

  #show(on) {
    this.#form.hidden = !on;
    this.#opener.setAttribute("aria-expanded", on);
    if (on) this.#field.focus();
  }
}
