// The rider's page: ask, choose an offer, follow the trip. One view at a time, on one address each:
// /ride, /ride/stop/{stop} and /t/{link}.

import { get } from "../shared/api.js";
import { byId, el, refill } from "../shared/dom.js";
import { language, t } from "../shared/i18n.js";
import { openMap } from "../shared/map.js";
import { ZoneTime } from "../shared/time.js";
import { AskView } from "./ask.js";
import { OffersView } from "./offers.js";
import { problemNotice } from "./problems.js";
import { keptTrip } from "./kept.js";
import { TripView } from "./trip.js";

const CLOCK_EVERY_MS = 1000;

class Ride {
  view = null;
  map = null;

  constructor(zone) {
    this.zone = zone;
    this.time = new ZoneTime(zone.timezone, zone.clock);
    this.stops = new Map(zone.stops.map((stop) => [stop.id, stop]));
    byId("where").textContent = zone.names[language] ?? zone.id;
    this.#showMap();
    this.#showClock();
    addEventListener("popstate", () => this.open());
  }

  /** Shows what the page's address says. */
  open() {
    const [, first, second, third] = location.pathname.split("/").map(decodeURIComponent);
    if (first === "t") this.showTrip(second);
    else this.showAsk(second === "stop" ? { fromStop: third } : {});
  }

  showAsk({ wish = null, fromStop = null } = {}) {
    if (location.pathname.startsWith("/t/")) history.pushState({}, "", "/ride");
    this.#show(new AskView(this, { wish, fromStop, trip: keptTrip() }));
  }

  showOffers(wish, note = null, held = null) {
    this.#show(new OffersView(this, wish, { note, held }));
  }

  /** Follows the trip of this link; `trip` is its status where that is known already. */
  showTrip(link, trip = null) {
    const path = `/t/${encodeURIComponent(link)}`;
    if (location.pathname !== path) history.pushState({}, "", path);
    this.#show(new TripView(this, link, trip));
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
  new Ride(await get("/v1/zone")).open();
} catch (error) {
  const again = el("button.button", { type: "button", onclick: () => location.reload() }, t("refusal.try_again"));
  refill(byId("view"), el("div.stack", {}, problemNotice(error, "h1"), again));
  throw error;
}
