// The console's map: the shared one, the fleet over it, and what a click on it means.

import { byId, el, refill } from "../shared/dom.js";
import { get } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { openMap } from "../shared/map.js";
import { FleetLayer } from "./fleet_layer.js";

const LEGEND = ["good", "calm", "warn", "bad"];

export class ConsoleMap {
  #store;
  #map;
  #fleet = null;
  #path = "";
  #wanted = "";
  /** While places to close are chosen: hears {stop}, {street} or {point}. */
  onPlace = null;

  constructor(store) {
    this.#store = store;
    this.#map = openMap(byId("map"), store.zone);
    if (!this.#map) {
      byId("no-map").hidden = false;
      byId("map").hidden = true;
      return;
    }
    this.#fleet = new FleetLayer(this.#map.map, store);
    this.#map.map.on("click", (event) => this.#clicked(event));
    this.#map.map.on("load", () => this.#closures());
    // Also after a change of theme.
    this.#map.map.on("style.load", () => this.#calmStops());
    refill(byId("map-tools"),
      el("button.button.small", { type: "button", onclick: () => this.#map.show() }, t("ops.whole_zone")));
    refill(byId("legend"),
      LEGEND.map((tone) => el("span", {}, el(`i.dot.${tone}`, { "aria-hidden": "true" }), t(`ops.legend.${tone}`))),
      el("span", {}, el("i.dot.load", { "aria-hidden": "true" }), t("ops.legend.load")));
    store.listen((changed) => this.#changed(changed));
  }

  get shown() {
    return this.#map !== null;
  }

  /** Stops must not be taken for shuttles. */
  #calmStops() {
    const { map } = this.#map;
    const ground = map.getPaintProperty("inside", "fill-color");
    map.setPaintProperty("stops", "circle-color", ground);
    map.setPaintProperty("stops", "circle-stroke-color", map.getPaintProperty("street-names", "text-color"));
    map.setPaintProperty("stops", "circle-radius", ["interpolate", ["linear"], ["zoom"], 12, 1.5, 15, 4, 18, 8]);
    map.setPaintProperty("stops", "circle-stroke-width", ["case", ["get", "hub"], 2.5, 1.25]);
  }

  /** Marks what is about to be closed, and the line that is being drawn. */
  mark({ streets = [], stops = [], line = [] }) {
    if (!this.#fleet) return;
    Object.assign(this.#fleet.marks, { streets, stops, line });
    this.#fleet.draw();
  }

  /** Brings a place into view. */
  look(place) {
    if (!this.#map || !place) return;
    const { map } = this.#map;
    if (map.getZoom() >= 14 && map.getBounds().contains([place.lon, place.lat])) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    map.easeTo({ center: [place.lon, place.lat], zoom: Math.max(map.getZoom(), 14.5), animate: !calm });
  }

  #changed(changed) {
    if (changed.has("closures")) this.#closures();
    if (changed.has("shuttles") || changed.has("places") || changed.has("selected")) this.#fleet.draw();
    if (changed.has("shuttles") || changed.has("selected")) this.#showPath();
  }

  #closures() {
    const { edges, stops } = this.#store.closures;
    this.#map.setClosed(edges);
    this.#fleet.marks.closedStops = stops;
    this.#fleet.draw();
  }

  /** The way of the chosen shuttle, asked for when its plan has changed. */
  async #showPath() {
    const { selected, shuttles, trips } = this.#store;
    const id = selected?.kind === "trip" ? trips.get(selected.id)?.shuttle : selected?.kind === "shuttle" ? selected.id : null;
    const shuttle = id ? shuttles.get(id) : null;
    const wanted = shuttle ? `${id} ${shuttle.plan.order} ${shuttle.plan.revision} ${shuttle.next_stop}` : "";
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    const path = shuttle ? await get(`/v1/plans/${encodeURIComponent(id)}/path`).catch(() => null) : null;
    if (wanted !== this.#wanted) return; // another is chosen by now
    const line = path && path.coordinates.length > 1 ? path.coordinates : null;
    const written = JSON.stringify(line);
    if (written !== this.#path) this.#map.setPath(line);
    this.#path = written;
  }

  #clicked({ point, lngLat }) {
    const { map } = this.#map;
    if (this.onPlace) {
      this.onPlace({ ...this.#placeAt(map, point), point: [lngLat.lng, lngLat.lat] });
      return;
    }
    const shuttle = this.#fleet.at(point);
    if (shuttle) return this.#store.select("shuttle", shuttle);
    const { stop, street } = this.#placeAt(map, point);
    if (stop) this.#store.select("stop", stop);
    else if (street) this.#store.select("street", street);
    else this.#store.select(null);
  }

  #placeAt(map, { x, y }) {
    const box = (reach) => [[x - reach, y - reach], [x + reach, y + reach]];
    const [stop] = map.queryRenderedFeatures(box(6), { layers: ["stops"] });
    if (stop) return { stop: stop.properties.id };
    const [street] = map.queryRenderedFeatures(box(8), { layers: ["casing"] });
    return street ? { street: street.properties.id } : {};
  }
}
