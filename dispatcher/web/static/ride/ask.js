// Where from, where to, when, and who rides.

import { byId, el, icon } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { StopField } from "./stop_field.js";
import { openTrips } from "./trips.js";
import { ownTrip } from "./ways.js";

const LEAD_MS = 30 * 60_000; // a time that is wished is at first so far ahead
const MOST_SEATS = 20;

/** A wish as nobody has changed it. */
const plainWish = () => ({ from: null, to: null, kind: "now", at: null, seats: 1, wheelchairs: 0, walkLimitM: 400 });

export class AskView {
  #ride;
  #wish;
  #next = "from"; // which field a stop on the map goes to
  #unknown = null;

  constructor(ride, { wish, fromStop, trip }) {
    this.#ride = ride;
    this.#wish = { ...plainWish(), ...wish };
    if (fromStop) {
      const stop = ride.stops.get(fromStop);
      if (stop && stop.kind !== "depot") this.#wish.from = stop;
      else this.#unknown = fromStop;
    }
    this.#build(trip);
  }

  shown() {
    this.#mark();
    this.#ride.map?.show();
    if (this.#ride.rider) this.#lookUnderWay();
  }

  /** As far as it has been filled in. */
  get wish() {
    const wish = this.#wish;
    Object.assign(wish, { from: this.from.value, to: this.to.value });
    for (const name of ["seats", "wheelchairs"]) wish[name] = Math.floor(Number(this[name].value)) || 0;
    wish.at = wish.kind === "now" ? null : this.#instant();
    return wish;
  }

  /** A stop was chosen on the map. */
  onStop(id) {
    const stop = this.#ride.stops.get(id);
    const field = this.#next === "from" ? this.from : this.to;
    field.value = stop;
    this.#changed(field.name, stop);
  }

  #build(trip) {
    const wish = this.#wish;
    const onChange = (name) => (place) => this.#changed(name, place);
    this.from = new StopField("from", this.#ride.zone.stops, onChange("from"));
    this.to = new StopField("to", this.#ride.zone.stops, onChange("to"));
    if (wish.from) this.from.value = wish.from;
    if (wish.to) this.to.value = wish.to;
    this.#next = this.from.value && !this.to.value ? "to" : "from";
    for (const field of [this.from, this.to]) {
      field.input.addEventListener("focus", () => (this.#next = field.name));
    }
    this.underWay = el("div.stack.tight", {}, trip && this.#underWay(`/t/${encodeURIComponent(trip)}`));
    this.located = el("p.wrong", { hidden: true, role: "status" });
    this.summary = el("div.notice.bad", { hidden: true, tabindex: "-1", id: "wrong" });
    this.element = el("form.stack.ask", { novalidate: true, onsubmit: (event) => this.#submit(event) },
      this.underWay,
      el("h1", {}, t("ask.heading")),
      this.#unknown && el("p.notice.warn", {}, t("ask.unknown_stop", { stop: this.#unknown })),
      this.summary,
      el("div.ends", {}, this.from.element,
        el("div.between", {},
          el("button.button.small.plain", { type: "button", onclick: () => this.#swap() }, icon("swap"), t("ask.swap")),
          "geolocation" in navigator &&
            el("button.button.small.plain", { type: "button", onclick: () => this.#locate() }, icon("locate"), t("ask.locate"))),
        this.to.element,
        el("p.hint", { id: "stop-hint" }, t("ask.stop_hint")),
        this.located),
      this.#whenPart(),
      this.#partyPart(),
      el("button.button.first.wide", { type: "submit" }, t("ask.submit")));
  }

  #underWay(page) {
    return el("div.notice", {}, el("p", {}, t("ride.under_way")), el("a.button.small", { href: page }, t("ride.go_to_trip")));
  }

  /** Of who is logged in: the trip itself, or the list of several. */
  async #lookUnderWay() {
    const { trips } = await openTrips(2).catch(() => ({ trips: [] })); // the form works without
    if (trips.length && this.underWay.isConnected) {
      this.underWay.append(this.#underWay(trips.length > 1 ? "/ride/trips" : ownTrip(trips[0].trip).page));
    }
  }

  #whenPart() {
    const wish = this.#wish;
    const { date, time } = this.#ride.time.fields(wish.at ?? this.#ride.time.now() + LEAD_MS);
    this.date = el("input", { id: "date", type: "date", value: date, "aria-describedby": "when-wrong" });
    this.clock = el("input", { id: "time", type: "time", value: time, "aria-describedby": "when-wrong" });
    this.whenWrong = el("p.wrong", { id: "when-wrong", hidden: true });
    this.instant = el("div.instant", { hidden: wish.kind === "now" },
      el("div.field", {}, el("label", { for: "date" }, t("ask.date")), this.date),
      el("div.field", {}, el("label", { for: "time" }, t("ask.time")), this.clock));
    const choice = (kind) =>
      el("label", {}, el("input", {
        type: "radio", name: "when", value: kind, checked: wish.kind === kind,
        onchange: () => {
          wish.kind = kind;
          this.instant.hidden = kind === "now";
        },
      }), t(`ask.${kind}`));
    return el("fieldset.stack.tight", {}, el("legend", {}, t("ask.when")),
      el("div.choices", {}, choice("now"), choice("depart_at"), choice("arrive_by")), this.instant, this.whenWrong);
  }

  #partyPart() {
    this.partyWrong = el("p.wrong", { id: "party-wrong", hidden: true });
    const counter = (name) => {
      const label = t(`ask.${name}`);
      const input = el("input", {
        id: name, type: "number", inputmode: "numeric", min: "0", max: String(MOST_SEATS), value: String(this.#wish[name]),
        "aria-describedby": "party-wrong",
      });
      const step = (by) => () => {
        input.value = String(Math.min(MOST_SEATS, Math.max(0, (Number(input.value) || 0) + by)));
      };
      this[name] = input;
      const button = (key, sign, by) =>
        el("button.button", { type: "button", "aria-label": t(key, { field: label }), onclick: step(by) }, sign);
      return el("div.field", {}, el("label", { for: name }, label),
        el("div.counter", {}, button("ask.fewer", "−", -1), input, button("ask.more", "+", 1)));
    };
    return el("fieldset.stack.tight", {}, el("legend", {}, t("ask.party")),
      el("div.party", {}, counter("seats"), counter("wheelchairs")), this.partyWrong);
  }

  #changed(name, place) {
    this.#wish[name] = place;
    if (place) this.#next = name === "from" ? "to" : "from";
    this.#mark();
  }

  #mark() {
    this.#ride.markEnds(this.from.value, this.to.value);
  }

  #swap() {
    const [from, to] = [this.from.value, this.to.value];
    this.from.value = to;
    this.to.value = from;
    Object.assign(this.#wish, { from: to, to: from });
    this.#mark();
  }

  #locate() {
    this.located.hidden = true;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const place = { lat: coords.latitude, lon: coords.longitude };
        this.from.near = this.to.near = place;
        this.from.value = place;
        this.#changed("from", place);
      },
      () => {
        this.located.textContent = t("ask.no_position");
        this.located.hidden = false;
      },
      { timeout: 10_000, maximumAge: 60_000, enableHighAccuracy: true },
    );
  }

  #submit(event) {
    event.preventDefault();
    const { wish } = this;
    const wrongs = this.#wrongs();
    if (wrongs.length) this.#showWrongs(wrongs);
    else this.#ride.showOffers(wish);
  }

  #instant() {
    if (!this.date.value || !this.clock.value) return null;
    return this.#ride.time.instant(this.date.value, this.clock.value);
  }

  /** What is wrong, each with the id of its field. */
  #wrongs() {
    const { from, to, kind, at, seats, wheelchairs } = this.#wish;
    const wrongs = [];
    if (!from) wrongs.push(["field-from", t("ask.wrong_from")]);
    if (!to) wrongs.push(["field-to", t("ask.wrong_to")]);
    if (from?.id && from.id === to?.id) wrongs.push(["field-to", t("ask.wrong_same")]);
    if (kind !== "now" && !at) wrongs.push(["time", t("ask.wrong_time")]);
    else if (at && this.#ride.time.secondsTo(at) < 0) wrongs.push(["time", t("ask.wrong_past")]);
    if (seats + wheelchairs < 1 || seats < 0 || wheelchairs < 0) wrongs.push(["seats", t("ask.wrong_party")]);
    return wrongs;
  }

  #showWrongs(wrongs) {
    const said = Object.fromEntries(wrongs);
    this.from.wrong(said["field-from"]);
    this.to.wrong(said["field-to"]);
    for (const [field, place, id] of [[this.clock, this.whenWrong, "time"], [this.seats, this.partyWrong, "seats"]]) {
      place.textContent = said[id] ?? "";
      place.hidden = !said[id];
      if (said[id]) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
    const link = ([id, text]) =>
      el("li", {}, el("a", { href: `#${id}`, onclick: (event) => {
        event.preventDefault();
        byId(id)?.focus();
      } }, text));
    this.summary.replaceChildren(el("h2", {}, t("ask.wrong")), el("ul.plain-list", {}, wrongs.map(link)));
    this.summary.hidden = false;
    this.summary.focus();
  }
}
