// The right side: the chosen shuttle, trip, stop or street, and what can be done about it.

import { byId, el, refill, setText } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { load, people, pct, shuttleName, slack, span, standing, stopName, streetName, tripName, ENDED } from "./words.js";

export class Details {
  #console;
  #store;
  #shown = "";
  #ticking = [];

  constructor(consolePage) {
    this.#console = consolePage;
    this.#store = consolePage.store;
  }

  render() {
    const panel = byId("details");
    const { selected } = this.#store;
    const what = this.#console.closing?.element ? null : selected;
    if (this.#console.closing) {
      if (panel.firstChild !== this.#console.closing.element) panel.replaceChildren(this.#console.closing.element);
      this.#shown = "closing";
      return;
    }
    const written = what ? JSON.stringify([what, this.#facts(what)]) : "nothing";
    if (written !== this.#shown) {
      this.#shown = written;
      this.#ticking = [];
      refill(panel, what ? this.#made(what) : this.#nothing());
    }
    for (const [element, text] of this.#ticking) setText(element, text());
  }

  /** What makes the panel be written anew; the rest ticks. */
  #facts({ kind, id }) {
    const { shuttles, trips, closures } = this.#store;
    switch (kind) {
      case "shuttle": {
        const shuttle = shuttles.get(id);
        return shuttle && [shuttle.status, shuttle.silent, shuttle.held, shuttle.withdrawn, shuttle.plan, shuttle.aboard, shuttle.faults.length];
      }
      case "trip":
        return trips.get(id);
      default:
        return closures;
    }
  }

  #made({ kind, id }) {
    switch (kind) {
      case "shuttle": return this.#shuttle(id);
      case "trip": return this.#trip(id);
      case "stop": return this.#stop(id);
      default: return this.#street(id);
    }
  }

  #nothing() {
    return [el("h2", {}, t("ops.details")), el("p.soft", {}, t("ops.choose_something")),
      this.#console.acts && el("div.actions", {}, this.#action("close_streets", t("ops.close_places"), () => this.#console.beginClosing()))];
  }

  #head(name, word, tone) {
    return el("div.detail-head", {}, el("h2", {}, name), word && el(`span.badge.${tone}`, {}, word),
      el("button.button.small.shut", { type: "button", "aria-label": t("ops.deselect"), onclick: () => this.#store.select(null) }, "×"));
  }

  #tick(text, name = "dd.number") {
    const element = el(name, {}, text());
    this.#ticking.push([element, text]);
    return element;
  }

  #action(kind, label, onclick, danger = false) {
    return el(`button.button.small${danger ? ".danger" : ""}`, { type: "button", id: `do-${kind}`, onclick }, label);
  }

  #order(kind, fields, danger = false) {
    return this.#action(kind, t(`ops.do.${kind}`), () => this.#console.order({ kind, ...fields }), danger);
  }

  #link(kind, id, text) {
    return el("button.link", { type: "button", id: `to-${kind}-${id.replace(/[^\w-]/g, "_")}`, onclick: () => this.#store.select(kind, id) }, text);
  }

  #shuttle(id) {
    const shuttle = this.#store.shuttles.get(id);
    if (!shuttle) return [this.#head(shuttleName(id)), el("p", {}, t("ops.gone"))];
    const { word, tone } = standing(shuttle);
    const { time } = this.#store;
    const live = () => this.#store.shuttles.get(id) ?? shuttle;
    return [
      this.#head(shuttleName(id), word, tone),
      this.#console.acts && el("div.actions", {},
        shuttle.held ? this.#order("release_shuttle", { shuttle: id }) : this.#order("hold_shuttle", { shuttle: id }),
        shuttle.withdrawn ? this.#order("return_shuttle", { shuttle: id }) : this.#order("withdraw_shuttle", { shuttle: id }, true),
        this.#order("send_shuttle", { shuttle: id })),
      el("dl.facts", {},
        fact(t("ops.fact.id"), el("dd", {}, id)),
        fact(t("ops.fact.load"), el("dd.number", {}, load(shuttle), gauge(shuttle.aboard.seats + shuttle.aboard.wheelchairs, shuttle.capacity.seats + shuttle.capacity.wheelchairs, ""))),
        fact(t("ops.fact.battery"), this.#tick(() => pct(live().battery_pct) + (shuttle.charging ? ` · ${t("ops.status.charging")}` : ""))),
        fact(t("ops.fact.heard"), this.#tick(() => t("ops.ago", { span: span(Math.max(0, (time.now() - live().heardMs) / 1000)) }))),
        shuttle.next_stop && fact(t("ops.fact.next"), el("dd", {}, this.#link("stop", shuttle.next_stop, stopName(this.#store, shuttle.next_stop)), " ",
          this.#tick(() => (live().arrivalMs ? time.time(live().arrivalMs) : ""), "span.number"))),
        shuttle.faults.length > 0 && fact(t("ops.fact.faults"), el("dd", { lang: "en" }, shuttle.faults.map(({ kind, text }) => `${kind} ${text}`.trim()).join("; ")))),
      el("h3", {}, t("ops.plan")),
      this.#plan(shuttle),
    ];
  }

  #plan(shuttle) {
    const { visits } = shuttle.plan;
    if (!visits.length) return el("p.soft", {}, t("ops.no_plan"));
    const { time } = this.#store;
    return el("ol.plan", {}, visits.map((visit) =>
      el(visit.released ? "li.released" : "li", {},
        el("time.number", {}, time.time(visit.begin)),
        el("div", {},
          this.#link("stop", visit.stop, stopName(this.#store, visit.stop)),
          el("div.soft", {},
            visit.boards.map((trip) => el("span", {}, t("ops.on"), " ", this.#link("trip", trip, tripName(trip)), " ")),
            visit.alights.map((trip) => el("span", {}, t("ops.off"), " ", this.#link("trip", trip, tripName(trip)), " ")),
            visit.charge_to_pct ? t("ops.charges_to", { level: pct(visit.charge_to_pct) }) : "",
            visit.released ? el("span.badge.calm", {}, t("ops.released")) : "")))));
  }

  #trip(id) {
    const trip = this.#store.trips.get(id);
    if (!trip) return [this.#head(tripName(id)), el("p", {}, t("ops.gone")), this.#why(id)];
    const { time } = this.#store;
    const { promise } = trip;
    const ended = ENDED.has(trip.state);
    const left = slack(trip, time.now());
    const tone = ended ? "calm" : left !== null && left < 0 ? "bad" : trip.breach ? "warn" : "good";
    return [
      this.#head(tripName(id), t(`ops.trip_state.${trip.state}`), tone),
      el("div.actions", {},
        this.#why(id),
        this.#console.acts && !ended && trip.state !== "aboard" && trip.state !== "offered" && this.#order("move_trip", { trip: id }),
        this.#console.acts && !ended && trip.state !== "aboard" && this.#order("cancel_trip", { trip: id }, true)),
      el("dl.facts", {},
        fact(t("ops.fact.id"), el("dd.breaks", {}, id)),
        fact(t("ops.fact.asked"), el("dd.number", {}, time.time(trip.asked))),
        trip.refusal && fact(t("ops.fact.refusal"), el("dd", {}, t(`ops.refusal.${trip.refusal}`))),
        promise && fact(t("ops.fact.riders"), el("dd", {}, people(promise.party))),
        promise && fact(t("ops.fact.from"), el("dd", {}, this.#link("stop", promise.pickup, stopName(this.#store, promise.pickup)))),
        promise && fact(t("ops.fact.to"), el("dd", {}, this.#link("stop", promise.dropoff, stopName(this.#store, promise.dropoff)))),
        promise && fact(t("ops.fact.window"), el("dd.number", {}, time.span(promise.window.opens, promise.window.closes))),
        !ended && trip.pickup_expected && trip.state !== "aboard" && fact(t("ops.fact.pickup"), el("dd.number", {}, time.time(trip.pickup_expected))),
        promise && fact(t("ops.fact.latest"), el("dd.number", {}, time.time(promise.dropoff_latest))),
        !ended && trip.dropoff_expected && fact(t("ops.fact.dropoff"), el("dd.number", {}, time.time(trip.dropoff_expected))),
        left !== null && fact(t("ops.fact.slack"), this.#tick(() => span(slack(trip, time.now()) ?? 0))),
        trip.shuttle && fact(t("ops.fact.shuttle"), el("dd", {}, this.#link("shuttle", trip.shuttle, shuttleName(trip.shuttle)))),
        trip.breach && fact(t("ops.fact.breach"), el("dd", {}, t(`ops.cause.${trip.breach}`)))),
    ];
  }

  #why(id) {
    return this.#action("why", t("ops.why"), () => this.#console.askWhy(id));
  }

  #stop(id) {
    const stop = this.#store.stops.get(id);
    const closed = this.#store.closures.stops.includes(id);
    const { time } = this.#store;
    const calls = [...this.#store.shuttles.values()].flatMap((shuttle) =>
      shuttle.plan.visits.filter((visit) => visit.stop === id).map((visit) => ({ shuttle, visit })))
      .sort((one, other) => Date.parse(one.visit.begin) - Date.parse(other.visit.begin)).slice(0, 8);
    return [
      this.#head(stopName(this.#store, id), t(closed ? "ops.closed" : "ops.open"), closed ? "bad" : "good"),
      el("dl.facts", {}, fact(t("ops.fact.id"), el("dd", {}, id)),
        stop && fact(t("ops.fact.berths"), el("dd.number", {}, String(stop.berths)))),
      this.#console.acts && el("div.actions", {}, this.#order(closed ? "open_streets" : "close_streets", { stops: [id] }, !closed)),
      el("h3", {}, t("ops.calls")),
      calls.length
        ? el("ol.plan", {}, calls.map(({ shuttle, visit }) => el("li", {}, el("time.number", {}, time.time(visit.begin)), el("div", {}, this.#link("shuttle", shuttle.id, shuttleName(shuttle.id))))))
        : el("p.soft", {}, t("ops.no_calls")),
    ];
  }

  #street(id) {
    const street = this.#store.streets.get(id);
    const edges = street?.reverse ? [id, street.reverse] : [id];
    const closed = edges.some((edge) => this.#store.closures.edges.includes(edge));
    return [
      this.#head(streetName(this.#store, id), t(closed ? "ops.closed" : "ops.open"), closed ? "bad" : "good"),
      el("p.soft", {}, t("ops.street_about")),
      this.#console.acts && el("div.actions", {},
        this.#order(closed ? "open_streets" : "close_streets", { edges }, !closed),
        this.#action("close_more", t("ops.close_places"), () => this.#console.beginClosing({ edges: [id] }))),
    ];
  }
}

const fact = (name, value) => el("div", {}, el("dt", {}, name), value);

function gauge(part, whole, kind) {
  const meter = el(`span.gauge${kind}`, { "aria-hidden": "true" }, el("span"));
  meter.firstChild.style.width = `${whole ? Math.min(100, (100 * part) / whole) : 0}%`;
  return meter;
}

