// Choosing what to close: a click on a street or stop, a line of clicks across streets, or by name.

import { byId, el, refill } from "../shared/dom.js";
import { language, named, t, tn } from "../shared/i18n.js";
import { streetName, stopName } from "./words.js";

const MOST_FOUND = 8;
const folded = (text) => text.normalize("NFC").toLocaleLowerCase(language);

export class Closing {
  #console;
  #store;
  #streets = new Set();
  #stops = new Set();
  #line = [];
  #drawing = false;

  constructor(consolePage, { edges = [] } = {}) {
    this.#console = consolePage;
    this.#store = consolePage.store;
    for (const edge of edges) this.#streets.add(edge);
    this.#build();
    this.#console.map.onPlace = (place) => this.#placed(place);
    this.#show();
  }

  end() {
    this.#console.map.onPlace = null;
    this.#console.map.mark({});
  }

  #build() {
    this.found = el("ul.found", { id: "close-found" });
    this.count = el("div.only-heard", { role: "status" });
    this.search = el("input", {
      id: "close-search", type: "search", autocomplete: "off", "aria-describedby": "close-search-about",
      oninput: () => this.#find(),
    });
    this.draw = el("button.button.small", {
      type: "button", id: "close-draw", "aria-pressed": "false",
      onclick: () => {
        this.#drawing = !this.#drawing;
        this.draw.setAttribute("aria-pressed", String(this.#drawing));
        this.#show();
      },
    }, t("ops.draw_line"));
    this.undo = el("button.button.small", { type: "button", onclick: () => {
      this.#line.pop();
      this.#show();
    } }, t("ops.undo_point"));
    this.hint = el("p.soft");
    this.list = el("ul.places");
    this.next = el("button.button.first", { type: "button", id: "close-next", onclick: () => this.#order() }, t("ops.see_cost"));
    this.element = el("div.stack.closing", {},
      el("h2", { id: "close-heading", tabindex: "-1" }, t("ops.close_places")),
      this.#console.map.shown && el("div.stack", {}, this.hint, el("div.row", {}, this.draw, this.undo)),
      el("h3", {}, t("ops.to_close")), this.list,
      el("div.row", {}, this.next, el("button.button", { type: "button", id: "close-leave", onclick: () => this.#console.endClosing() }, t("ops.leave"))),
      el("div.field", {}, el("label", { for: "close-search" }, t("ops.close_by_name")), el("p.hint", { id: "close-search-about" }, t("ops.close_by_name_about")), this.search, this.found, this.count));
  }

  #placed({ stop, street, point }) {
    if (this.#drawing) this.#line.push(point);
    else if (stop) toggle(this.#stops, stop);
    else if (street) toggle(this.#streets, street);
    this.#show();
  }

  #find() {
    const sought = folded(this.search.value.trim());
    const hits = [];
    if (sought) {
      for (const { id, names } of this.#store.zone.stops) {
        if (Object.values(names).concat(id).some((text) => folded(text).includes(sought))) hits.push(["stop", [id], `${named(names)} · ${id}`]);
      }
      const streets = new Map();
      for (const street of this.#store.zone.streets) {
        if (Object.values(street.names).concat(street.id).some((text) => folded(text).includes(sought))) {
          const name = named(street.names) || street.id;
          streets.set(name, [...(streets.get(name) ?? []), street.id]);
        }
      }
      // A long street is many pieces: each can be closed by itself, or all of it.
      for (const [name, ids] of streets) hits.push(["street", ids, ids.length > 1 ? tn("ops.whole_street", ids.length, { name }) : name]);
    }
    refill(this.found, hits.slice(0, MOST_FOUND).map(([kind, ids, text], index) =>
      el("li", {}, el("button.button.small", { type: "button", id: `found-${index}`, onclick: () => {
        const chosen = kind === "stop" ? this.#stops : this.#streets;
        for (const id of ids) chosen.add(id);
        this.search.value = "";
        this.#find();
        this.#show();
        this.search.focus();
        this.#look(kind, ids[0]);
      } }, t("ops.add", { what: text })))));
    this.count.textContent = sought ? tn("ops.found", hits.length) : "";
  }

  #look(kind, id) {
    if (kind === "stop") this.#console.map.look(this.#store.stops.get(id));
    else {
      const line = this.#store.streets.get(id)?.geometry.coordinates ?? [];
      const [lon, lat] = line[Math.floor(line.length / 2)] ?? [];
      if (lon !== undefined) this.#console.map.look({ lon, lat });
    }
  }

  #show() {
    this.hint.textContent = t(this.#drawing ? "ops.draw_about" : "ops.click_about");
    this.undo.hidden = !this.#line.length;
    const row = (text, remove) => el("li", {}, el("span", {}, text),
      el("button.button.small", { type: "button", "aria-label": t("ops.remove", { what: text }), onclick: () => {
        remove();
        this.#show();
        byId("close-heading").focus();
      } }, "×"));
    const rows = [
      ...[...this.#stops].map((id) => row(t("ops.stop_named", { name: stopName(this.#store, id) }), () => this.#stops.delete(id))),
      ...[...this.#streets].map((id) => row(streetName(this.#store, id), () => this.#streets.delete(id))),
      ...(this.#line.length > 1 ? [row(t("ops.drawn_line"), () => (this.#line = []))] : []),
    ];
    refill(this.list, rows.length ? rows : el("li.soft", {}, t("ops.nothing_chosen")));
    this.next.setAttribute("aria-disabled", String(!rows.length));
    this.#console.map.mark({ streets: [...this.#streets], stops: [...this.#stops], line: this.#line });
  }

  #order() {
    const edges = [...this.#streets].flatMap((id) => {
      const reverse = this.#store.streets.get(id)?.reverse;
      return reverse ? [id, reverse] : [id];
    });
    const stops = [...this.#stops];
    if (!edges.length && !stops.length && this.#line.length < 2) return;
    const command = { kind: "close_streets", edges, stops };
    if (this.#line.length > 1) command.line = this.#line.map(([lon, lat]) => ({ lat, lon }));
    this.#console.order(command, () => this.#console.endClosing());
  }
}

function toggle(set, id) {
  if (!set.delete(id)) set.add(id);
}
