// The audit trail: who ordered what, and who looked where a rider is. Only an admin may read it.
// It only grows, so a page further back never changes; the newest one is read again and again.

import { get } from "../shared/api.js";
import { announce, el, refill, setText } from "../shared/dom.js";
import { has, t } from "../shared/i18n.js";
import { shuttleName, stopName, streetName, tripName } from "./words.js";

const ROWS = 25;
const EVERY_MS = 10_000;
const TYPED_MS = 300; // so long nothing more is typed
const ORDERS = [
  "hold_shuttle", "release_shuttle", "withdraw_shuttle", "return_shuttle", "send_shuttle", "move_trip", "cancel_trip",
  "close_streets", "open_streets",
];
const LOOKS = ["whyTrip", "getWhereabouts"];
const ABOUT_SHUTTLES = new Set(ORDERS.slice(0, 5));
const ABOUT_TRIPS = new Set(["move_trip", "cancel_trip", ...LOOKS]);
const DRAWN = "drawn on the map"; // as the trail has it where no place was named

export class Audit {
  #console;
  #store;
  #asked = { principal: "", operation: "", subject: "" };
  #further = []; // what was asked for to come to this page; nothing on the newest
  #next = null;
  #number = 0;
  #written = "";
  #typed = 0;

  constructor(consolePage) {
    this.#console = consolePage;
    this.#store = consolePage.store;
    this.count = el("span.soft");
    this.told = el("div.audit-told");
    this.body = el("tbody");
    this.newer = this.#turner("audit-newer", "‹", t("ops.audit.newer"), () => this.#further.pop());
    this.older = this.#turner("audit-older", "›", t("ops.audit.older"), () => this.#further.push(this.#next));
    this.filters = el("div.row.table-tools", { role: "search", "aria-label": t("ops.tab.audit") },
      this.#field("principal", t("ops.audit.by_who")), this.#choice(), this.#field("subject", t("ops.audit.by_what"), { list: "audit-subjects" }),
      el("datalist", { id: "audit-subjects" }), this.count, el("span.pages", {}, this.newer, this.older));
    this.table = el("div.scroll", { tabindex: "0", role: "region", "aria-label": t("ops.tab.audit") }, this.told,
      el("table.audit", {}, el("caption.only-heard", {}, t("ops.tab.audit")),
        el("thead", {}, el("tr", {}, ["number", "at", "by", "role", "did", "about", "reason"].map((key) =>
          el("th", { scope: "col", class: key === "number" ? "number" : null }, el("span.head", {}, t(`ops.column.${key}`)))))),
        this.body));
    this.element = el("div.table-side", {}, this.filters, this.table);
    refill(this.told, el("p.soft", {}, t("ops.audit.reading")));
  }

  /** Called while the tab is open: at once, and then every so often. */
  keepUp() {
    clearInterval(this.keeping);
    this.keeping = setInterval(() => this.#further.length || document.visibilityState !== "visible" || this.#read(), EVERY_MS);
    this.#read();
  }

  leave() {
    clearInterval(this.keeping);
  }

  /** Nothing here changes with the fleet. */
  render() {}

  #turner(id, sign, label, turn) {
    return el("button.button.small", {
      type: "button", id, "aria-label": label, "aria-disabled": "true",
      onclick: (event) => {
        if (event.currentTarget.getAttribute("aria-disabled") === "true") return;
        turn();
        this.table.scrollTop = 0;
        this.#read(true);
      },
    }, sign);
  }

  #field(name, label, more = {}) {
    return el("input", {
      id: `audit-${name}`, type: "search", autocomplete: "off", maxlength: "200", "aria-label": label, placeholder: label, ...more,
      onfocus: () => name === "subject" && this.#suggest(),
      oninput: (event) => {
        const { value } = event.target;
        clearTimeout(this.#typed);
        this.#typed = setTimeout(() => this.#ask({ [name]: value.trim() }), TYPED_MS);
      },
    });
  }

  #choice() {
    const option = (operation) => el("option", { value: operation }, done(operation));
    return el("select", { id: "audit-operation", "aria-label": t("ops.audit.by_action"), onchange: (event) => this.#ask({ operation: event.target.value }) },
      el("option", { value: "" }, t("ops.audit.any_action")), ORDERS.map(option), LOOKS.map(option));
  }

  /** Ids are what is written down; they are found by name as well. */
  #suggest() {
    const { shuttles, zone } = this.#store;
    const options = [...[...shuttles.keys()].map((id) => [id, shuttleName(id)]), ...zone.stops.map(({ id }) => [id, stopName(this.#store, id)])];
    refill(this.filters.querySelector("datalist"), options.map(([value, name]) => el("option", { value }, name)));
  }

  #ask(change) {
    Object.assign(this.#asked, change);
    this.#further = [];
    this.#read(true);
  }

  async #read(byHand = false) {
    const number = (this.#number += 1);
    const asked = new URLSearchParams({ limit: ROWS });
    for (const [name, value] of Object.entries(this.#asked)) if (value) asked.set(name, value);
    if (this.#further.length) asked.set("before", this.#further.at(-1));
    this.table.setAttribute("aria-busy", "true");
    const page = await get(`/v1/audit?${asked}`).catch((error) => ({ error }));
    if (number !== this.#number) return; // something else is asked for by now
    this.table.setAttribute("aria-busy", "false");
    const told = page.error ? this.#failed(page.error) : this.#none(page);
    // The same is not said again and again while it lasts.
    if (this.told.textContent !== (told?.textContent ?? "")) refill(this.told, told);
    // What is there still holds where only the newest could not be read.
    if (!page.error || byHand) this.#show(page.error ? { entries: [] } : page);
    if (byHand && !page.error) announce(this.count.textContent || this.told.textContent);
  }

  #show({ entries, before = null }) {
    this.#next = before;
    this.newer.setAttribute("aria-disabled", String(!this.#further.length));
    this.older.setAttribute("aria-disabled", String(this.#next === null));
    setText(this.count, entries.length ? t("ops.audit.shown", { newest: entries[0].number, oldest: entries.at(-1).number }) : "");
    const written = JSON.stringify(entries);
    if (written === this.#written) return;
    this.#written = written;
    refill(this.body, entries.map((entry) => this.#row(entry)));
  }

  #none({ entries, before }) {
    if (entries.length) return null;
    if (before) return el("p.soft", {}, t("ops.audit.none_here"));
    if (Object.values(this.#asked).every((value) => !value)) return el("p.soft", {}, t("ops.audit.empty"));
    return el("div.row", {}, el("p.soft", {}, t("ops.audit.none_fits")),
      el("button.button.small", { type: "button", id: "audit-all", onclick: () => this.#showAll() }, t("ops.audit.show_all")));
  }

  #failed({ code }) {
    return el("div.notice.bad", { role: "alert" },
      el("p", {}, el("strong", {}, t("ops.audit.failed")), " ", t(has(`ops.problem.${code}`) ? `ops.problem.${code}` : "ops.problem.other")),
      el("button.button.small", { type: "button", id: "audit-again", onclick: () => this.#read(true) }, t("ops.audit.again")));
  }

  #showAll() {
    clearTimeout(this.#typed);
    for (const field of this.filters.querySelectorAll("input, select")) field.value = "";
    this.filters.querySelector("input").focus();
    this.#ask({ principal: "", operation: "", subject: "" });
  }

  #row(entry) {
    const { number, at, principal, roles, operation, reason } = entry;
    return el("tr", {},
      el("td.number", {}, String(number)),
      el("td", {}, el("time", { datetime: at }, this.#store.time.exact(at))),
      el("th", { scope: "row", title: principal }, principal),
      el("td", {}, roles.map((role) => (has(`ops.role.${role}`) ? t(`ops.role.${role}`) : role)).join(", ")),
      el("td", {}, done(operation)),
      el("td", {}, this.#about(entry)),
      el("td", {}, reason || "–"));
  }

  #about({ number, operation, subject }) {
    const kind = ABOUT_SHUTTLES.has(operation) ? "shuttle" : ABOUT_TRIPS.has(operation) ? "trip" : null;
    if (kind) {
      return el("button.link", { type: "button", id: `audit-about-${number}`, title: subject, onclick: () => this.#console.choose(kind, subject) },
        kind === "shuttle" ? shuttleName(subject) : tripName(subject));
    }
    if (subject === DRAWN) return t("ops.drawn_line");
    const { stops } = this.#store;
    return el("span", { title: subject }, subject.split(" ").map((id) => (stops.has(id) ? stopName(this.#store, id) : streetName(this.#store, id))).join(", "));
  }
}

const done = (operation) => {
  const key = LOOKS.includes(operation) ? `ops.looked.${operation}` : `ops.do.${operation}`;
  return has(key) ? t(key) : operation;
};
