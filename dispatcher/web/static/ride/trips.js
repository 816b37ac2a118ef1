// The trips of who is logged in: those under way, and what became of the last ones.

import { get } from "../shared/api.js";
import { announce, byId, el, refill } from "../shared/dom.js";
import { named, t } from "../shared/i18n.js";
import { askCancel, cancelTrip } from "./cancelling.js";
import { forgetTrip } from "./kept.js";
import { shuttleNumber } from "./names.js";
import { problemNotice } from "./problems.js";
import { headingOf, MAY_CANCEL, OPEN } from "./states.js";
import { ownTrip } from "./ways.js";

const AGAIN_MS = 5_000;
const AT_ONCE = 20;
const MOST_OPEN = 100;
// What was refused or let go by was never a trip.
const ENDED = ["completed", "cancelled_by_rider", "cancelled_by_operator", "no_show", "abandoned"];

/** Own trips in these states, the newest first; `next` where there are more. */
export function ownTrips(states, { limit = AT_ONCE, after = null } = {}) {
  const query = new URLSearchParams([["own", "true"], ["limit", limit], ...states.map((state) => ["state", state])]);
  if (after) query.set("after", after);
  return get(`/v1/trips?${query}`);
}

export const openTrips = (limit) => ownTrips([...OPEN], { limit });

export class TripsView {
  #ride;
  #open = [];
  #ended = [];
  #older = [];
  #next = null;
  #drawn = "";
  #timer = 0;
  #closed = false;

  constructor(ride) {
    this.#ride = ride;
    this.heading = el("h1", { tabindex: "-1" }, t("trips.heading"));
    this.body = el("div.stack", {}, el("p.soft", {}, t("ride.loading")));
    this.element = el("div.stack", {}, this.heading, this.body);
  }

  shown() {
    this.#ride.markEnds(null, null);
    this.#ride.map?.show();
    this.heading.focus({ preventScroll: true });
    document.title = `${t("trips.heading")} – ${t("shared.name")}`;
    this.#look(true);
  }

  close() {
    document.title = t("ride.title");
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #look(first = false) {
    clearTimeout(this.#timer);
    try {
      const [open, ended] = await Promise.all([openTrips(MOST_OPEN), ownTrips(ENDED)]);
      if (this.#closed) return;
      this.#open = open.trips;
      this.#ended = ended.trips;
      if (!this.#older.length) this.#next = ended.next ?? null;
      this.#draw();
    } catch (error) {
      if (this.#closed || this.#ride.isAboutLogin(error)) return;
      if (first) {
        const again = el("button.button", { type: "button", onclick: () => this.#look(true) }, t("refusal.try_again"));
        refill(this.body, problemNotice(error), again);
        return;
      }
    }
    this.#timer = setTimeout(() => this.#lookAgain(), AGAIN_MS);
  }

  #lookAgain() {
    if (document.hidden) this.#timer = setTimeout(() => this.#lookAgain(), AGAIN_MS);
    else this.#look();
  }

  async #more() {
    try {
      const { trips, next } = await ownTrips(ENDED, { after: this.#next });
      this.#older.push(...trips);
      this.#next = next ?? null;
      this.#draw();
    } catch (error) {
      if (!this.#closed && !this.#ride.isAboutLogin(error)) this.body.prepend(problemNotice(error));
    }
  }

  #draw() {
    const ended = [...new Map([...this.#older, ...this.#ended].map((trip) => [trip.trip, trip])).values()]
      .filter(({ promise }) => promise)
      .sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
    // A status is told as of now; only what is shown of it counts.
    const shown = JSON.stringify([this.#open.map((trip) => ({ ...trip, at: null })), ended, this.#next]);
    if (shown === this.#drawn) return;
    this.#drawn = shown;
    const part = (id, trips, none) =>
      el("section.stack.tight", { "aria-labelledby": id },
        el("h2", { id }, t(`trips.${id}`)),
        trips.length ? el("ul.trips", {}, trips.map((trip) => el("li", {}, this.#card(trip)))) : el("p.soft", {}, none));
    refill(this.body,
      part("under_way", this.#open, t("trips.none_under_way")),
      part("recent", ended, t("trips.none_recent")),
      this.#next && el("button.button", { type: "button", id: "more", onclick: () => this.#more() }, t("trips.more")),
      el("a.button.first", { href: "/ride", id: "again", onclick: (event) => this.#goTo(event, () => this.#ride.showAsk()) },
        t(this.#open.length || ended.length ? "trip.again" : "trips.first")));
  }

  #card(trip) {
    const { state, shuttle } = trip;
    const time = this.#ride.time;
    const promise = trip.promise ?? trip.offers?.[0]?.promise;
    const way = ownTrip(trip.trip);
    const isOpen = OPEN.has(state);
    const from = promise && named(promise.pickup.names);
    const to = promise && named(promise.dropoff.names);
    const about = promise ? t("offers.way", { from, to }) : t("trips.unnamed");
    const when = isOpen
      ? promise && time.span(promise.window.opens, promise.window.closes)
      : time.time(trip.at);
    return el("article.card.own", { "aria-labelledby": `trip-${trip.trip}` },
      el("h3", { id: `trip-${trip.trip}` }, about),
      el("p", {}, el("strong", {}, headingOf(trip, time)), when && el("span.soft.number", {}, ` · ${when}`),
        isOpen && shuttle && el("span.soft", {}, ` · ${t("trip.shuttle")} ${shuttleNumber(shuttle)}`)),
      el("div.row", {},
        el("a.button.small", {
          href: way.page, id: `follow-${trip.trip}`, "aria-label": `${t(isOpen ? "trips.follow" : "trips.look")}: ${about}`,
          onclick: (event) => this.#goTo(event, () => this.#ride.showTrip(way)),
        }, t(isOpen ? "trips.follow" : "trips.look")),
        MAY_CANCEL.has(state) &&
          el("button.button.small.danger", {
            type: "button", id: `cancel-${trip.trip}`, "aria-label": `${t("trip.cancel")}: ${about}`,
            onclick: () => this.#askCancel(way, trip.trip),
          }, t("trip.cancel"))));
  }

  /** In this page, unless the rider wants another tab. */
  #goTo(event, go) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go();
  }

  #askCancel(way, trip) {
    askCancel(async () => {
      try {
        await cancelTrip(way, trip);
        forgetTrip(way);
        announce(t("trip.heading.cancelled_by_rider"));
        await this.#look();
      } catch (error) {
        if (!this.#closed && !this.#ride.isAboutLogin(error)) this.body.prepend(problemNotice(error));
      }
    }, () => (byId(`cancel-${trip}`) ?? this.heading).focus());
  }
}
