// A trip under way: what was promised, where to stand, which shuttle, and what changed.

import { get } from "../shared/api.js";
import { announce, byId, el, refill, setText } from "../shared/dom.js";
import { named, t, tn } from "../shared/i18n.js";
import { LiveStream } from "../shared/live.js";
import { said } from "../shared/said.js";
import { distance, metresBetween } from "../shared/time.js";
import { askCancel, cancelTrip } from "./cancelling.js";
import { changesBetween } from "./changes.js";
import { forgetTrip, keepChanges, keepTrip, keptChanges } from "./kept.js";
import { shuttleNumber } from "./names.js";
import { problemNotice } from "./problems.js";
import { headingOf, isForLater, MAY_CANCEL, OPEN, UNDER_WAY } from "./states.js";

const STEPS = ["requested", "offered", "accepted", "assigned", "boarding", "aboard", "completed"];
const LOOK_EVERY_MS = 10_000;
const TOLD_AS_TIME_S = 60 * 60; // further off than this, minutes say little

export class TripView {
  #ride;
  #way;
  #trip = null;
  #place = null;
  #stream = null;
  #changes = [];
  #drawn = "";
  #state = "";
  #wasForLater = false;
  #lookedAt = -Infinity;

  constructor(ride, way, trip) {
    this.#ride = ride;
    this.#way = way;
    this.#changes = keptChanges(way);
    ride.markEnds(null, null);
    this.waiting = el("p.notice.warn", { hidden: true, role: "status" }, t("trip.waiting"));
    this.body = el("div.stack", {}, el("p.soft", {}, t("ride.loading")));
    this.element = el("div.stack.trip", {}, this.waiting, this.body);
    if (trip) this.#tell(trip);
  }

  async shown() {
    if (this.#trip) byId("trip-heading")?.focus({ preventScroll: true });
    try {
      const trip = await get(this.#way.path);
      if (this.closed) return; // something else is shown by now
      this.#tell(trip);
      this.#follow();
    } catch (error) {
      if (this.closed || this.#ride.isAboutLogin(error)) return;
      const isGone = error.code === "UNKNOWN_TRIP";
      if (isGone) forgetTrip(this.#way);
      const notice = isGone && this.#way.own
        ? el("div.notice.bad", { role: "alert" }, el("h1", {}, t("problem.heading")), el("p", {}, t("trip.not_yours")))
        : problemNotice(error, "h1");
      refill(this.body, notice, this.#againButton());
    }
  }

  close() {
    document.title = t("ride.title");
    this.#stream?.close();
    this.#stream = null;
    this.closed = true;
  }

  /** Once a second: what is told relative to now. */
  tick() {
    if (this.#trip && UNDER_WAY.has(this.#trip.state)) this.#showWhere();
    const isLost = this.#stream && !this.waiting.hidden && !document.hidden;
    if (isLost && performance.now() - this.#lookedAt > LOOK_EVERY_MS) this.#lookMeanwhile();
  }

  #follow() {
    if (this.closed || !this.#isOpen()) return;
    this.#stream = new LiveStream(`${this.#way.path}/events`, {
      clock: (clock) => this.#ride.time.set(clock),
      trip: (trip) => this.#tell(trip),
      place: (place) => {
        const first = !this.#place;
        this.#place = place;
        this.#showWhere();
        if (first) this.#lookAtAll();
      },
    }, (state) => (this.waiting.hidden = state === "live"));
  }

  /** While the stream is lost. It cannot say why; where it is the login, this renews it or asks for one. */
  async #lookMeanwhile() {
    this.#lookedAt = performance.now();
    try {
      const trip = await get(this.#way.path);
      if (!this.closed) this.#tell(trip);
    } catch (error) {
      if (!this.closed) this.#ride.isAboutLogin(error);
    }
  }

  #isOpen() {
    return !this.#trip || OPEN.has(this.#trip.state);
  }

  /** A status came. Older ones than that which is shown are let be. */
  #tell(trip) {
    const known = this.#trip;
    if (known && (trip.epoch < known.epoch || (trip.epoch === known.epoch && trip.revision < known.revision))) return;
    if (trip.state === "offered") {
      this.close();
      this.#chooseAgain(trip);
      return;
    }
    this.#trip = trip;
    this.#note(changesBetween(known, trip));
    if (UNDER_WAY.has(trip.state)) keepTrip(this.#way);
    if (known?.shuttle !== trip.shuttle) this.#place = null;
    const shown = JSON.stringify([trip, this.#changes.length]);
    if (shown === this.#drawn) return;
    this.#drawn = shown;
    this.#draw();
    if (trip.state !== this.#state && this.#state) announce(this.#heading());
    this.#state = trip.state;
    if (!this.#isOpen()) {
      forgetTrip(this.#way);
      this.#stream?.close();
      this.waiting.hidden = true;
    }
  }

  /** The trip was opened while its offers were still open. */
  #chooseAgain(trip) {
    const { pickup, dropoff, party } = trip.offers[0].promise;
    const wish = { from: pickup, to: dropoff, kind: "now", at: null, walkLimitM: 400, ...party };
    this.#ride.showOffers(wish, null, { way: this.#way, trip });
  }

  #note(changes) {
    if (!changes.length) return;
    this.#changes = [...this.#changes, ...changes].slice(-30);
    keepChanges(this.#way, this.#changes);
  }

  #isForLater() {
    return isForLater(this.#trip, this.#ride.time);
  }

  #heading() {
    return headingOf(this.#trip, this.#ride.time);
  }

  #draw() {
    const trip = this.#trip;
    this.#wasForLater = this.#isForLater();
    const under = UNDER_WAY.has(trip.state);
    const about = `trip.about.${trip.state}`;
    const ended = !under && trip.state !== "requested";
    refill(this.body,
      el("h1", { id: "trip-heading", tabindex: "-1" }, this.#heading()),
      trip.breach && !ended && this.#breach(trip.breach),
      under && this.#shuttlePart(),
      under && trip.promise && this.#promisePart(trip.promise),
      ended && this.#endPart(about),
      !["refused", "expired"].includes(trip.state) && this.#stepsPart(),
      this.#changesPart(),
      this.#actions());
    document.title = `${this.#heading()} – ${t("shared.name")}`;
    this.#showOnMap();
    this.#showWhere();
  }

  #shuttlePart() {
    const { promise, shuttle, state } = this.#trip;
    const aboard = state === "aboard";
    const stop = aboard ? promise.dropoff : promise.pickup;
    this.when = el("strong.when");
    this.about = el("span.soft");
    this.before = el("p.before");
    return el("section.card.ticket", { "aria-label": t("trip.shuttle") },
      shuttle
        ? el("p.shuttle", {}, el("span", {}, t("trip.shuttle")), el("strong", {}, shuttleNumber(shuttle)))
        : el("p.soft", {}, t("trip.no_shuttle")),
      el("div.coming", {}, this.when, this.about, this.before),
      el("div.stand", {},
        el(`span.end.${aboard ? "to" : "from"}`, { "aria-hidden": "true" }, t(`map.pin_${aboard ? "to" : "from"}`)),
        el("p", {}, el("span.soft", {}, t(aboard ? "trip.get_off" : "trip.stand")),
          el("strong", {}, named(stop.names)), el("span.soft", {}, t("trip.stand_at", { id: stop.id })))));
  }

  /** Where the shuttle is, in words and on the map. Not announced: it changes all the time. */
  #showWhere() {
    const trip = this.#trip;
    if (!trip || !UNDER_WAY.has(trip.state) || !this.when) return;
    const time = this.#ride.time;
    const aboard = trip.state === "aboard";
    const expected = aboard ? trip.dropoff_expected : trip.pickup_expected;
    const later = this.#isForLater();
    if (later !== this.#wasForLater) {
      // It sets out: the heading and the steps say so.
      this.#draw();
      announce(this.#heading());
      return;
    }
    if (trip.state === "boarding") setText(this.when, t("trip.here"));
    else if (expected && time.secondsTo(expected) > TOLD_AS_TIME_S) setText(this.when, time.time(expected));
    else if (expected) {
      const soon = time.secondsTo(expected) < 30;
      const key = aboard ? "dropoff" : "pickup";
      setText(this.when, soon ? t(`trip.${key}_now`) : t(`trip.${key}_in`, { when: time.fromNow(expected) }));
    } else setText(this.when, "");
    const exact = expected && trip.state !== "boarding" && this.when.textContent !== time.time(expected);
    setText(this.about, exact ? t("trip.pickup_at", { time: time.time(expected) }) : later ? t("trip.expected") : "");
    setText(this.before, trip.state === "boarding" || later ? "" : this.#away());
    const place = later ? null : this.#place;
    this.#ride.map?.setShuttles(
      place ? [{ id: place.shuttle, label: shuttleNumber(place.shuttle), ...place.place }] : [],
    );
  }

  #away() {
    const place = this.#place;
    if (!place) return "";
    const { promise, state } = this.#trip;
    const stop = state === "aboard" ? promise.dropoff : promise.pickup;
    const parts = [];
    if (place.stops_before === 0) parts.push(t("trip.next_is_yours"));
    else if (place.stops_before) parts.push(tn("trip.stops_before", place.stops_before));
    parts.push(t("trip.distance", { distance: distance(metresBetween(place.place, stop)) }));
    return parts.join(" · ");
  }

  #showOnMap() {
    const { promise, state } = this.#trip;
    const under = UNDER_WAY.has(state);
    // Once the shuttle stands at the pickup, a pin there would only cover it.
    const waits = under && state !== "boarding" && state !== "aboard";
    const key = promise ? `${promise.pickup.id} ${promise.dropoff.id} ${waits}` : "";
    if (key === this.marked) return;
    this.marked = key;
    this.#ride.map?.setPin("from", waits ? promise?.pickup : null);
    this.#ride.map?.setPin("to", promise?.dropoff);
    if (under && !waits && this.#place) {
      this.#lookAtAll();
      return;
    }
    this.#ride.map?.show(promise && under ? [promise.pickup, promise.dropoff] : []);
  }

  #lookAtAll() {
    const { promise, state } = this.#trip ?? {};
    if (promise && this.#place) {
      this.#ride.map?.show([this.#place.place, promise.dropoff, state !== "aboard" && promise.pickup]);
    }
  }

  #promisePart(promise) {
    const time = this.#ride.time;
    const { seats, wheelchairs } = promise.party;
    const places = [
      seats > 0 && tn("trip.promise_seats", seats),
      wheelchairs > 0 && tn("trip.promise_wheelchairs", wheelchairs),
    ].filter(Boolean);
    return el("section.card.promise", { "aria-labelledby": "promise" },
      el("h2", { id: "promise" }, t("trip.promise")),
      el("dl", {},
        el("div", {}, el("dt", {}, t("trip.promise_window")), el("dd", {}, time.span(promise.window.opens, promise.window.closes))),
        el("div", {}, el("dt", {}, t("trip.promise_latest", { stop: named(promise.dropoff.names) })),
          el("dd", {}, time.time(promise.dropoff_latest)))),
      el("p.soft", {}, places.join(", ")));
  }

  #breach({ cause, promise }) {
    const time = this.#ride.time;
    return el("section.notice.warn", { role: "alert" },
      el("h2", {}, t("trip.broken")),
      el("p", {}, t(`trip.cause.${cause}`)),
      el("p", {}, t("trip.broken_was", {
        window: time.span(promise.window.opens, promise.window.closes), latest: time.time(promise.dropoff_latest),
      })));
  }

  #endPart(about) {
    const { state, refusal } = this.#trip;
    if (state === "refused" && refusal) return el("p", {}, t(`refusal.${refusal.code}`));
    return el("p", {}, t(about));
  }

  #stepsPart() {
    const at = STEPS.indexOf(this.#isForLater() ? "accepted" : this.#trip.state);
    if (at < 0) return null; // ended otherwise: the heading says how
    const mark = (index) => (index < at || at === STEPS.length - 1 ? "done" : index === at ? "now" : "");
    const step = (name, index) =>
      el("li", { class: mark(index), "aria-current": mark(index) === "now" ? "step" : null },
        el("span", {}, t(`trip.step.${name}`)),
        mark(index) && el("span.only-heard", {}, ` (${t(`trip.step_${mark(index)}`)})`));
    return el("section", { "aria-labelledby": "steps" },
      el("h2", { id: "steps" }, t("trip.steps")), el("ol.steps", {}, STEPS.map(step)));
  }

  #changesPart() {
    if (this.#trip.state === "refused") return null;
    const time = this.#ride.time;
    const sentence = (change) => {
      if (change.text) {
        const { text, lang } = said(change.text);
        return el("span", { lang }, text);
      }
      const { number, before, beforeAt, at } = change;
      return el("span", {}, t(change.key, {
        number, before: before ?? (beforeAt && time.time(beforeAt)), time: at && time.time(at),
      }));
    };
    const rows = [...this.#changes].reverse().map((change) =>
      el("li", {}, el("time", { datetime: change.when }, time.time(change.when)), sentence(change)));
    return el("section", { "aria-labelledby": "changes" },
      el("h2", { id: "changes" }, t("trip.changes")),
      rows.length ? el("ul.changes", {}, rows) : el("p.soft", {}, t("trip.no_changes")));
  }

  #actions() {
    if (!UNDER_WAY.has(this.#trip.state) && this.#trip.state !== "requested") return this.#againButton();
    return el("div.stack.tight.actions", {},
      el("div.row", {},
        !this.#way.own &&
          el("button.button", { type: "button", id: "share", onclick: () => this.#share() }, t("trip.share")),
        MAY_CANCEL.has(this.#trip.state) &&
          el("button.button.danger", { type: "button", id: "cancel", onclick: () => this.#askCancel() }, t("trip.cancel"))),
      !this.#way.own && el("p.hint", { id: "shared" }, t("trip.share_about")));
  }

  #againButton() {
    return el("a.button.first", {
      href: "/ride", id: "again", onclick: (event) => {
        event.preventDefault();
        this.#ride.showAsk();
      },
    }, t("trip.again"));
  }

  async #share() {
    const url = location.href.split("?")[0];
    if (navigator.share) {
      await navigator.share({ url, title: document.title }).catch(() => {}); // given up by the rider
      return;
    }
    // Without https a page may not copy: the link is shown instead.
    const copied = await navigator.clipboard?.writeText(url).then(() => true, () => false);
    const about = byId("shared");
    if (about) setText(about, copied ? t("trip.shared") : t("trip.share_this", { url }));
    if (copied) announce(t("trip.shared"));
  }

  #askCancel() {
    askCancel(() => this.#cancel(), () => (byId("cancel") ?? byId("trip-heading"))?.focus());
  }

  async #cancel() {
    try {
      const trip = await cancelTrip(this.#way, this.#trip.trip);
      if (!this.closed) this.#tell(trip);
      else if (!OPEN.has(trip.state)) forgetTrip(this.#way);
    } catch (error) {
      if (!this.closed && !this.#ride.isAboutLogin(error)) this.body.prepend(problemNotice(error));
    }
  }
}
