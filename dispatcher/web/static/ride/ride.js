// The rider's page: ask, choose an offer, follow the trip; logged in, or as a guest where that is
// allowed. One view at a time, on one address each: /ride, /ride/stop/{stop} and /t/{link}, and for
// who is logged in /ride/trips and /ride/trip/{trip}.

import { get, Problem } from "../shared/api.js";
import { announce, byId, el, refill } from "../shared/dom.js";
import { language, t } from "../shared/i18n.js";
import { openMap } from "../shared/map.js";
import { issuerSaid, leave, lookWho, onEnded } from "../shared/session.js";
import { ZoneTime } from "../shared/time.js";
import { AskView } from "./ask.js";
import { forgetOwn, keptTrip, keptWish } from "./kept.js";
import { isRider, LoginView } from "./login.js";
import { OffersView } from "./offers.js";
import { problemNotice } from "./problems.js";
import { TripView } from "./trip.js";
import { TripsView } from "./trips.js";
import { guestTrip, ownTrip } from "./ways.js";

const CLOCK_EVERY_MS = 1000;

class Ride {
  view = null;
  map = null;
  notLeft = false; // logging out was tried, and is not known to have worked

  constructor(zone, login) {
    this.zone = zone;
    this.login = login;
    this.time = new ZoneTime(zone.timezone, zone.clock);
    this.stops = new Map(zone.stops.map((stop) => [stop.id, stop]));
    byId("where").textContent = zone.names[language] ?? zone.id;
    this.#showMap();
    this.#showClock();
    this.#showAccount();
    onEnded(() => this.#loginEnded());
    addEventListener("popstate", () => this.open());
  }

  /** Who is logged in and may have trips, or null. */
  get rider() {
    return isRider(this.login.session) ? this.login.session : null;
  }

  /** Shows what was shown before a login at the issuer, else what the page's address says. */
  begin() {
    const said = issuerSaid();
    const wish = keptWish(location.pathname);
    const then = () => (wish ? this.showAsk({ wish }) : this.open());
    if (!said) then();
    else this.showLogin({ note: t(`login.at_issuer_${said}`), wish, then, guest: this.login.guests ? then : null });
  }

  /** Shows what the page's address says. */
  open() {
    const [, first, second, third] = location.pathname.split("/").map(decodeURIComponent);
    if (first === "t") this.showTrip(guestTrip(second));
    else if (second === "trips") this.showTrips();
    else if (second === "trip") this.showTrip(ownTrip(third));
    else this.showAsk(second === "stop" ? { fromStop: third } : {});
  }

  showAsk({ wish = null, fromStop = null } = {}) {
    if (!location.pathname.startsWith("/ride/stop/")) this.#goTo("/ride");
    if (this.#mayOrder) this.#show(new AskView(this, { wish, fromStop, trip: keptTrip() }));
    else this.showLogin({ note: t("login.needed"), wish, then: () => this.showAsk({ wish, fromStop }) });
  }

  showOffers(wish, note = null, held = null) {
    this.#show(new OffersView(this, wish, { note, held }));
  }

  showTrips() {
    this.#goTo("/ride/trips");
    if (this.rider) this.#show(new TripsView(this));
    else this.#showLoginFor(() => this.showTrips());
  }

  /** Follows a trip; `trip` is its status where that is known already. */
  showTrip(way, trip = null) {
    this.#goTo(way.page);
    if (way.own ? this.rider : this.#mayOrder) this.#show(new TripView(this, way, trip));
    else this.#showLoginFor(() => this.showTrip(way));
  }

  /** `then` goes on with a login; so does `guest`, without one. */
  showLogin(choices) {
    this.#show(new LoginView(this, choices));
  }

  /** Somebody has logged in. */
  enter(session) {
    this.notLeft = false;
    this.login.session = session;
    this.#showAccount();
    announce(t("login.is", { subject: session.subject }));
  }

  /** Logs out, and gives whether that is certain; where it is not the account says so. */
  async leave() {
    try {
      await leave();
      this.notLeft = false;
      this.login.session = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.notLeft = true;
    }
    this.#showAccount();
    return !this.notLeft;
  }

  /** Whether this went wrong for want of a login; one is asked for then. */
  isAboutLogin(error) {
    if (!(error instanceof Problem) || !["UNAUTHENTICATED", "FORBIDDEN"].includes(error.code)) return false;
    if (!(this.view instanceof LoginView)) {
      // Who may not is still logged in, as something else.
      if (error.code === "UNAUTHENTICATED") this.login.session = null;
      this.#showAccount();
      this.#loginAndBack(t("login.needed"));
    }
    return true;
  }

  get #mayOrder() {
    return this.login.guests || this.rider !== null;
  }

  #goTo(path) {
    if (location.pathname !== path) history.pushState({}, "", path);
  }

  #showLoginFor(then) {
    const guest = this.login.guests ? () => this.showAsk() : null;
    this.showLogin({ note: t("login.needed"), then, guest });
  }

  #askLogin() {
    this.#loginAndBack(null);
  }

  /** Gives whether the page can go on as if nothing had been: only a rider is asked to log in again. */
  #loginEnded() {
    const wasRider = this.rider !== null;
    this.login.session = null;
    if (!wasRider) return true;
    this.#showAccount();
    this.#loginAndBack(t("login.ended"));
    return false;
  }

  /** Asks for a login, then shows what was shown before; a guest what needs none. */
  #loginAndBack(note) {
    const wish = this.view?.wish ?? null;
    const isOwn = /^\/ride\/trips?(\/|$)/.test(location.pathname);
    const back = () => (wish ? this.showAsk({ wish }) : this.open());
    const guest = isOwn ? () => this.showAsk() : back;
    this.showLogin({ note, wish, then: back, guest: this.login.guests ? guest : null });
  }

  async #logOut() {
    if (!(await this.leave())) return;
    forgetOwn();
    announce(t("login.left"));
    this.showAsk();
  }

  #showAccount() {
    const account = byId("account");
    const { rider } = this;
    const who = this.notLeft ? this.login.session : rider;
    account.hidden = !who && !this.login.tokens && !this.login.development;
    const button = (id, act) => el("button.button.small.plain", { type: "button", id, onclick: act }, t(`login.${id}`));
    if (who) {
      refill(account, el("span.who", {}, t("login.is", { subject: who.subject })),
        rider && button("trips", () => this.showTrips()), button("log_out", () => this.#logOut()),
        this.notLeft && el("p.notice.bad", { id: "not-left", role: "alert" }, t("login.not_left")));
    } else refill(account, button("log_in", () => this.#askLogin()));
  }

  /** Puts the pins of both ends on the map, and looks at them. */
  markEnds(from, to, shuttles = []) {
    this.map?.setPin("from", from);
    this.map?.setPin("to", to);
    this.map?.setShuttles(shuttles);
  }

  #show(view) {
    this.view?.close?.();
    this.view = view;
    refill(byId("view"), view.element);
    view.shown?.();
    scrollTo({ top: 0 });
  }

  #showMap() {
    const container = byId("map");
    this.map = openMap(container, this.zone, { onStop: (id) => this.view?.onStop?.(id) });
    const side = byId("map-side");
    if (!this.map) {
      side.hidden = true;
      byId("no-map").hidden = false;
      document.body.classList.add("without-map");
      return;
    }
    const toggle = el("button.button.small", {
      type: "button", "aria-controls": "map-side", onclick: () => show(side.hidden),
    }, t("ride.map"));
    byId("clock").after(toggle);
    const show = (shown) => {
      side.hidden = !shown;
      toggle.setAttribute("aria-pressed", String(shown));
      document.body.classList.toggle("without-map", !shown);
      if (shown) this.map.map.resize();
    };
    show(true);
  }

  #showClock() {
    const clock = byId("clock");
    const faster = this.time.speed > 1;
    const show = () => {
      const shown = this.time.clock();
      if (clock.textContent !== shown) clock.textContent = shown;
    };
    if (faster) clock.title = t("time.faster", { speed: this.time.speed });
    show();
    setInterval(() => {
      show();
      this.view?.tick?.();
    }, CLOCK_EVERY_MS);
  }
}

try {
  const [zone, login] = await Promise.all([get("/v1/zone"), lookWho()]);
  new Ride(zone, login).begin();
} catch (error) {
  const again = el("button.button", { type: "button", onclick: () => location.reload() }, t("refusal.try_again"));
  refill(byId("view"), el("div.stack", {}, problemNotice(error, "h1"), again));
  throw error;
}
