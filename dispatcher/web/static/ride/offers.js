// What can be had, side by side; or why nothing can, and what would work.
// Offers shown here hold no seat. Taking one asks for the trip, and accepts what comes if that is
// as good as what was shown; if not, the rider is asked again.

import { newId, post, Problem } from "../shared/api.js";
import { announce, el, icon, refill } from "../shared/dom.js";
import { named, t, tn } from "../shared/i18n.js";
import { distance, walkMinutes } from "../shared/time.js";
import { keepTrip } from "./kept.js";
import { problemNotice } from "./problems.js";
import { refusalPart } from "./refusal.js";
import { requestTrip } from "./ways.js";
import { tripWish } from "./wish.js";

const AGAIN_MS = 10_000; // offers are looked up anew while they are looked at
const TOLERATED_MS = 60_000; // of the rider's time: reading and choosing takes a while

const ASKED_AT_MOST = 3;

const isExpired = (error) => error instanceof Problem && ["NO_OPEN_OFFER", "ALREADY_ENDED"].includes(error.code);

export class OffersView {
  #ride;
  #wish;
  #offers = [];
  #held = null; // the trip that holds these offers, and the way to it
  #timer = 0;
  #taking = false;
  #closed = false;

  /** `held`: a trip whose offers are open, and the way to it. */
  constructor(ride, wish, { note = null, held = null } = {}) {
    this.#ride = ride;
    this.#wish = wish;
    this.#held = held;
    this.note = el("div", {}, note && el("p.notice.warn", { role: "status" }, note));
    this.body = el("div.stack", {}, el("p.soft", {}, t("offers.searching")));
    this.heading = el("h1", { tabindex: "-1" }, t("offers.heading"));
    this.element = el("div.stack", {},
      el("button.button.small.plain.back", { type: "button", onclick: () => this.#back() }, icon("back"), t("offers.back")),
      this.heading, this.#way(), this.note, this.body);
  }

  get wish() {
    return this.#wish;
  }

  shown() {
    const { from, to } = this.#wish;
    this.#ride.markEnds(from, to);
    this.#ride.map?.show([from, to]);
    this.heading.focus({ preventScroll: true });
    if (this.#held) this.#showOffers(this.#held.trip.offers);
    else this.#look(true);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #way() {
    const name = (place) => (place.names ? named(place.names) : t("ask.my_position"));
    const { from, to, kind, at } = this.#wish;
    const when = kind === "now" ? t("ask.now") : `${t(`ask.${kind}`)} ${this.#ride.time.time(at)}`;
    return el("p.soft", {}, t("offers.way", { from: name(from), to: name(to) }), " · ", when);
  }

  #back() {
    this.#ride.showAsk({ wish: this.#wish });
  }

  async #look(first) {
    try {
      const quoted = await post("/v1/quotes", tripWish(this.#wish));
      if (this.#closed || this.#taking) return;
      if (quoted.refusal) {
        this.#showRefusal(quoted.refusal, first);
        return;
      }
      this.#showOffers(quoted.offers);
      if (first) announce(tn("offers.count", quoted.offers.length));
    } catch (error) {
      if (this.#closed || this.#ride.isAboutLogin(error)) return;
      if (first || !(error instanceof Problem)) this.#showProblem(error);
    }
    this.#timer = setTimeout(() => this.#lookAgain(), AGAIN_MS);
  }

  #lookAgain() {
    if (this.#closed || this.#taking) return;
    // Nobody looks: nothing is searched for.
    if (document.hidden) this.#timer = setTimeout(() => this.#lookAgain(), AGAIN_MS);
    else this.#look(false);
  }

  #showOffers(offers) {
    this.#offers = offers;
    const about = this.#held
      ? t("offers.held", { time: this.#ride.time.time(offers[0].expires) })
      : t("offers.not_held");
    refill(this.body,
      el("ul.offers", {}, offers.map((offer, index) => el("li", {}, this.#card(offer, index)))),
      el("p.hint", {}, about));
  }

  #card(offer, index) {
    const time = this.#ride.time;
    const { promise } = offer;
    // To be there by a time, the best offer is not the soonest.
    const inTime = offer.kind === "soonest" && this.#wish.kind === "arrive_by";
    const kind = t(inTime ? "offers.in_time" : `offers.kind.${offer.kind}`);
    const window = time.span(promise.window.opens, promise.window.closes);
    const sure = offer.odds?.find(({ level_pct }) => level_pct === 95);
    const fact = (name, value, more) =>
      el("div.fact", {}, el("dt", {}, name), el("dd", {}, el("strong", {}, value), more && el("span.soft", {}, more)));
    const walk = offer.walk_to_pickup_m;
    const after = offer.walk_from_dropoff_m;
    const taken = el("button.button.first", {
      type: "button", id: `take-${index}`, "aria-label": t("offers.take_named", { kind, window }),
      onclick: () => this.#take(offer),
    }, t("offers.take"));
    return el("article.card.offer", { "aria-labelledby": `offer-${index}` },
      el("h2", { id: `offer-${index}` }, kind),
      el("dl.facts", {},
        fact(t("offers.window"), window, t("offers.expected", { time: time.time(offer.pickup_expected) })),
        fact(t("offers.latest"), t("offers.latest_at", { time: time.time(promise.dropoff_latest) }),
          t("offers.expected", { time: time.time(offer.dropoff_expected) })),
        fact(t("offers.walk"),
          walk + after ? t("offers.walk_minutes", { minutes: walkMinutes(walk + after) }) : t("offers.no_walk"),
          [walk && t("offers.walk_metres", { distance: distance(walk) }), after && t("offers.walk_after", { distance: distance(after) })]
            .filter(Boolean).join(", "))),
      el("p.hint", {}, this.#stopsOf(promise), sure && ` ${t("offers.odds", { time: time.time(sure.dropoff_by) })}`),
      taken);
  }

  /** Only where they are others than asked for. */
  #stopsOf({ pickup, dropoff }) {
    const { from, to } = this.#wish;
    const parts = [];
    if (pickup.id !== from.id) parts.push(`${t("offers.from_stop", { stop: named(pickup.names) })}.`);
    if (dropoff.id !== to.id) parts.push(`${t("offers.to_stop", { stop: named(dropoff.names) })}.`);
    return parts.join(" ");
  }

  async #take(offer) {
    if (this.#taking) return;
    this.#taking = true;
    clearTimeout(this.#timer);
    this.#busy();
    try {
      if (this.#held && this.#ride.time.secondsTo(offer.expires) > 0) {
        await this.#accept(this.#held.way, this.#held.trip, offer);
      } else await this.#ask(offer);
    } catch (error) {
      if (this.#closed || this.#ride.isAboutLogin(error)) return;
      this.#taking = false;
      if (isExpired(error)) this.#startAnew();
      else this.#showProblem(error);
    }
  }

  /** Asks for the trip. An offer that expires on the way is asked for again: the clock may be fast. */
  async #ask(shown) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#askOnce(shown);
        return;
      } catch (error) {
        if (!isExpired(error) || attempt === ASKED_AT_MOST) throw error;
      }
    }
  }

  async #askOnce(shown) {
    const id = newId();
    const wish = { id, ...tripWish(this.#wish), accept: "ask" };
    const { way, trip } = await requestTrip(this.#ride.rider !== null, wish);
    if (trip.state === "requested") {
      // Not decided yet: the trip's own page shows what comes.
      this.#ride.showTrip(way, trip);
      return;
    }
    if (trip.state === "refused") {
      this.#taking = false;
      this.#showRefusal(trip.refusal, true);
      return;
    }
    if (!trip.offers.length) throw new Problem({ code: "NO_OPEN_OFFER", detail: "The offer has expired." });
    const same = trip.offers.find((offer) => this.#isAsGood(offer, shown));
    if (same) await this.#accept(way, trip, same);
    else this.#ride.showOffers(this.#wish, t("offers.changed"), { way, trip });
  }

  async #accept(way, trip, offer) {
    const accepted = await post(`${way.path}/answer`, {
      id: `accept-${offer.id}`, accept: true, offer: offer.id,
    });
    if (accepted.state === "expired") throw new Problem({ code: "NO_OPEN_OFFER", detail: "The offer has expired." });
    keepTrip(way);
    this.#ride.showTrip(way, accepted);
  }

  /** The same stops, and nothing later than shown by more than it took to choose. */
  #isAsGood(offer, shown) {
    const tolerated = TOLERATED_MS * Math.max(1, this.#ride.time.speed);
    const later = (one, other) => Date.parse(one) - Date.parse(other) > tolerated;
    return (
      offer.promise.pickup.id === shown.promise.pickup.id &&
      offer.promise.dropoff.id === shown.promise.dropoff.id &&
      !later(offer.promise.window.closes, shown.promise.window.closes) &&
      !later(offer.promise.dropoff_latest, shown.promise.dropoff_latest) &&
      // A wish for later must not be answered with a shuttle that leaves before.
      !later(shown.promise.window.opens, offer.promise.window.opens)
    );
  }

  #startAnew() {
    this.#held = null;
    this.note.replaceChildren(el("p.notice.warn", { role: "status" }, t("problem.NO_OPEN_OFFER")));
    this.#look(true);
  }

  #busy() {
    for (const button of this.body.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    announce(t("offers.taking"));
  }

  #showRefusal(refusal, first) {
    refill(this.body, refusalPart(this.#ride, this.#wish, refusal));
    if (first) announce(t("refusal.heading"));
  }

  #showProblem(error) {
    const again = el("button.button", { type: "button", onclick: () => this.#look(true) }, t("refusal.try_again"));
    refill(this.body, problemNotice(error), again);
  }
}
