// Choosing a stop: by typing a part of its name, from the whole list, or on the map.
// An editable combobox with a list, as the ARIA authoring practices describe it.

import { el, icon } from "../shared/dom.js";
import { language, named, t, tn } from "../shared/i18n.js";
import { distance, metresBetween } from "../shared/time.js";

const folded = (text) => text.normalize("NFC").toLocaleLowerCase(language).replace(/[\s·&]+/g, "");

export class StopField {
  #stops;
  #chosen = null;
  #shown = [];
  #active = -1;
  #onChange;
  #near = null;

  /** `name` is "from" or "to"; `onChange` hears the chosen place, or null. */
  constructor(name, stops, onChange) {
    this.name = name;
    this.label = t(`ask.${name}`);
    this.#onChange = onChange;
    this.#stops = [...stops]
      .filter(({ kind }) => kind !== "depot")
      .map((stop) => ({ ...stop, text: named(stop.names), sought: Object.values(stop.names).concat(stop.id).map(folded) }))
      .sort((one, other) => one.text.localeCompare(other.text, language));
    this.#build();
  }

  /** A stop, a point with `lat` and `lon`, or null. */
  get value() {
    return this.#chosen;
  }

  set value(place) {
    this.#chosen = place;
    this.input.value = place ? (place.text ?? (place.names ? named(place.names) : t("ask.my_position"))) : "";
    this.wrong(null);
    this.#close();
  }

  /** What the API takes. */
  get wish() {
    const place = this.#chosen;
    return place && (place.id ?? { lat: place.lat, lon: place.lon });
  }

  /** Stops are listed by how near they are to this place. */
  set near(place) {
    this.#near = place;
  }

  /** Shows what is wrong here, or nothing. */
  wrong(text) {
    this.error.textContent = text ?? "";
    this.error.hidden = !text;
    if (text) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }

  focus() {
    this.input.focus();
  }

  #build() {
    const id = `field-${this.name}`;
    this.list = el("ul.options", { id: `${id}-list`, role: "listbox", "aria-label": this.label, hidden: true });
    this.error = el("p.wrong", { id: `${id}-wrong`, hidden: true });
    this.count = el("div.only-heard", { role: "status" });
    this.input = el("input", {
      id, type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", autocapitalize: "off",
      "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list",
      "aria-describedby": `${id}-wrong stop-hint`, placeholder: t("ask.placeholder"),
      oninput: () => this.#typed(),
      onkeydown: (event) => this.#key(event),
      onfocus: () => this.input.select(),
      onblur: () => this.#left(),
    });
    const opener = el("button.opener", {
      type: "button", tabindex: "-1", "aria-label": t("ask.open_list", { field: this.label }),
      "aria-controls": `${id}-list`, "aria-expanded": "false",
      // Before the field loses the focus.
      onmousedown: (event) => event.preventDefault(),
      onclick: () => {
        if (this.list.hidden) {
          this.input.focus();
          this.#open(this.#stops);
        } else this.#close();
      },
    }, icon("down"));
    this.opener = opener;
    this.element = el("div.field.stop-field", {},
      el("label", { for: id }, el(`span.end.${this.name}`, { "aria-hidden": "true" }, t(`map.pin_${this.name}`)), this.label),
      el("div.combo", {}, this.input, opener, this.list),
      this.error, this.count);
  }

  #typed() {
    this.#choose(null);
    const sought = folded(this.input.value);
    this.#open(this.#stops.filter((stop) => stop.sought.some((text) => text.includes(sought))));
    this.#activate(0); // what Enter takes
  }

  #open(stops) {
    const near = this.#near;
    this.#shown = near
      ? [...stops].sort((one, other) => metresBetween(near, one) - metresBetween(near, other))
      : stops;
    this.#active = -1;
    this.list.replaceChildren(
      ...this.#shown.map((stop, index) =>
        el("li", {
          id: `${this.list.id}-${index}`, role: "option", "aria-selected": String(stop.id === this.#chosen?.id),
          onmousedown: (event) => event.preventDefault(),
          onclick: () => this.#take(stop),
        }, el("span", {}, stop.text), el("span.soft", {}, this.#about(stop)))),
    );
    if (!this.#shown.length) {
      this.list.append(el("li.none", { role: "option", "aria-disabled": "true", "aria-selected": "false" }, t("ask.none_found")));
    }
    this.list.hidden = false;
    this.#expanded(true);
    this.count.textContent = this.#shown.length ? tn("ask.found", this.#shown.length) : t("ask.none_found");
    this.list.scrollTop = 0;
  }

  #about(stop) {
    const parts = [stop.kind === "interchange" ? t("ask.interchange") : stop.id];
    if (this.#near) parts.push(distance(metresBetween(this.#near, stop)));
    return parts.join(" · ");
  }

  #close() {
    this.list.hidden = true;
    this.list.replaceChildren();
    this.#shown = [];
    this.#active = -1;
    this.#expanded(false);
    this.count.textContent = "";
  }

  #expanded(is) {
    for (const part of [this.input, this.opener]) part.setAttribute("aria-expanded", String(is));
    if (!is) this.input.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    const open = !this.list.hidden;
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp":
        event.preventDefault();
        if (!open) this.#open(this.#stops);
        this.#activate(this.#active + (event.key === "ArrowDown" ? 1 : -1));
        break;
      case "Enter":
        if (open && this.#shown.length) {
          event.preventDefault();
          this.#take(this.#shown[Math.max(0, this.#active)]);
        }
        break;
      case "Escape":
        if (open) {
          event.preventDefault();
          this.#close();
        } else this.#choose(null, "");
        break;
    }
  }

  #activate(index) {
    if (!this.#shown.length) return;
    const options = this.list.children;
    options[this.#active]?.classList.remove("active");
    this.#active = (index + this.#shown.length) % this.#shown.length;
    const option = options[this.#active];
    option.classList.add("active");
    option.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option.id);
  }

  /** Leaving the field takes what is the only one left, or a name typed in full. */
  #left() {
    if (this.list.hidden) return;
    const typed = folded(this.input.value);
    const same = this.#shown.find((stop) => stop.sought.includes(typed));
    if (typed && same) this.#take(same);
    else if (typed && this.#shown.length === 1) this.#take(this.#shown[0]);
    else this.#close();
  }

  #take(stop) {
    this.value = stop;
    this.#onChange(stop);
  }

  #choose(place, text) {
    this.#chosen = place;
    if (text !== undefined) this.input.value = text;
    this.#onChange(place);
  }
}
