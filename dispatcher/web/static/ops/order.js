// A command: what it is, why, what it would cost, and only then is it given.

import { newId, post, Problem } from "../shared/api.js";
import { announce, byId, el, refill, setText } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { costNotes } from "./cost.js";
import { problemNotice, refusalNotice } from "./notices.js";
import { shuttleName, standing, stopName, streetName, tripName } from "./words.js";

const REASONS = ["safety", "technical", "event", "rider", "works"];

export class OrderDialog {
  #store;
  #command;
  #cost = null;
  #asked = 0;
  #id = newId(); // one for this order, however often it is sent
  #onDone;

  /** `command` as the API takes it; what is still to be chosen is asked for here. */
  constructor(store, command, onDone = () => {}) {
    this.#store = store;
    this.#command = command;
    this.#onDone = onDone;
  }

  open() {
    const before = document.activeElement;
    this.costs = el("div.costs.stack", { "aria-live": "polite", "aria-busy": "true" });
    this.reason = el("input", { id: "order-reason", type: "text", maxlength: "200", list: "order-reasons", autocomplete: "off", "aria-describedby": "order-reason-about order-wrong" });
    this.wrong = el("p.wrong", { id: "order-wrong", role: "alert" });
    this.confirm = el("button.button.first", { type: "submit", id: "order-confirm" }, t("ops.confirm"));
    this.dialog = el("dialog.card.order", { "aria-labelledby": "order-heading" },
      el("form.stack", {
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          this.#submit();
        },
      },
        el("h2", { id: "order-heading" }, this.#title()),
        el("p.soft", {}, t(`ops.about.${this.#command.kind}`)),
        this.#choice(),
        el("div.field", {},
          el("label", { for: "order-reason" }, t("ops.reason")),
          el("p.hint", { id: "order-reason-about" }, t(`ops.reason_about.${this.#command.kind === "cancel_trip" || this.#command.kind === "close_streets" ? "shown" : "kept"}`)),
          this.reason,
          el("datalist", { id: "order-reasons" }, REASONS.map((reason) => el("option", { value: t(`ops.reason.${reason}`) }))),
          this.wrong),
        el("section.stack", { "aria-labelledby": "cost-heading" }, el("h3", { id: "cost-heading" }, t("ops.cost")), this.costs),
        el("div.row.last-row", {}, this.confirm,
          el("button.button", { type: "button", id: "order-again", onclick: () => this.#preview() }, t("ops.cost_again")),
          el("button.button", { type: "button", onclick: () => this.dialog.close() }, t("ops.leave")))));
    this.dialog.addEventListener("close", () => {
      this.dialog.remove();
      if (before?.isConnected) before.focus();
      else (before?.id && byId(before.id))?.focus?.();
    });
    document.body.append(this.dialog);
    this.dialog.showModal();
    (this.choice ?? this.reason).focus();
    this.#preview();
  }

  #title() {
    const { kind, shuttle, trip, stops = [], edges = [], line } = this.#command;
    if (trip) return t(`ops.title.${kind}`, { what: tripName(trip) });
    if (shuttle) return t(`ops.title.${kind}`, { what: shuttleName(shuttle) });
    const places = [...stops.map((id) => stopName(this.#store, id)), ...new Set(edges.map((id) => streetName(this.#store, id)))];
    if (line) places.push(t("ops.drawn_line"));
    const shown = places.slice(0, 3).join(", ");
    return t(`ops.title.${kind}`, { what: places.length > 3 ? t("ops.and_more", { text: shown, count: places.length - 3 }) : shown });
  }

  /** Which shuttle, or which stop, where the command needs one. */
  #choice() {
    const { kind } = this.#command;
    if (kind === "send_shuttle") {
      const stops = this.#store.zone.stops.map(({ id }) => [id, stopName(this.#store, id)]).sort(([, one], [, other]) => one.localeCompare(other));
      return this.#select("stop", t("ops.to_stop"), [["", t("ops.choose_stop")], ...stops]);
    }
    if (kind === "move_trip") {
      const now = this.#store.trips.get(this.#command.trip)?.shuttle;
      const shuttles = [...this.#store.shuttles.values()].filter(({ id, silent, withdrawn }) => id !== now && !silent && !withdrawn)
        .map((shuttle) => [shuttle.id, `${shuttleName(shuttle.id)} · ${standing(shuttle).word}`]);
      return this.#select("shuttle", t("ops.to_shuttle"), [["", t("ops.any_other")], ...shuttles]);
    }
    return null;
  }

  #select(name, label, options) {
    this.choice = el("select", {
      id: "order-choice",
      onchange: (event) => {
        const { [name]: former, ...rest } = this.#command;
        this.#command = event.target.value ? { ...rest, [name]: event.target.value } : rest;
        this.#id = newId();
        this.#preview();
      },
    }, options.map(([value, text]) => el("option", { value }, text)));
    return el("div.field", {}, el("label", { for: "order-choice" }, label), this.choice);
  }

  #isWhole() {
    return this.#command.kind !== "send_shuttle" || Boolean(this.#command.stop);
  }

  async #preview() {
    this.#cost = null;
    if (!this.#isWhole()) {
      refill(this.costs, el("p.soft", {}, t("ops.choose_first")));
      return;
    }
    this.#asked += 1;
    const asked = this.#asked;
    this.costs.setAttribute("aria-busy", "true");
    refill(this.costs, el("p.soft", {}, t("ops.cost_working")));
    try {
      const cost = await post("/v1/commands/preview", { command: this.#command });
      if (asked === this.#asked) this.#show(cost);
    } catch (error) {
      if (asked === this.#asked) refill(this.costs, problemNotice(error));
    }
  }

  #show(cost, changed = false) {
    this.#cost = cost;
    this.costs.setAttribute("aria-busy", "false");
    refill(this.costs, changed && el("p.notice.warn", {}, t("ops.cost_changed")), costNotes(this.#store, cost, this.#command));
    this.confirm.classList.toggle("danger", cost.trips.some(({ harm }) => harm));
    setText(this.confirm, cost.refusal ? t("ops.not_possible") : t(`ops.do.${this.#command.kind}`));
    this.confirm.setAttribute("aria-disabled", String(Boolean(cost.refusal)));
  }

  async #submit() {
    const reason = this.reason.value.trim();
    this.reason.removeAttribute("aria-invalid");
    if (!reason) {
      this.reason.setAttribute("aria-invalid", "true");
      setText(this.wrong, t("ops.reason_needed"));
      this.reason.focus();
      return;
    }
    setText(this.wrong, "");
    if (!this.#cost || this.#cost.refusal) return;
    this.confirm.setAttribute("aria-disabled", "true");
    try {
      const { expected } = this.#cost;
      const outcome = await post("/v1/commands", { id: this.#id, command: this.#command, reason, expected });
      if (outcome.accepted) {
        announce(t("ops.done", { what: this.#title() }));
        this.dialog.close();
        this.#onDone();
        return;
      }
      refill(this.costs, refusalNotice(this.#store, outcome.refusal));
      this.#id = newId();
    } catch (error) {
      if (error instanceof Problem && error.code === "COST_CHANGED") {
        this.#show(error.document.cost, true);
        return;
      }
      refill(this.costs, problemNotice(error));
    }
    this.confirm.setAttribute("aria-disabled", "false");
    this.#cost = null;
  }
}
