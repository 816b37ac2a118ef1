// The zone on a map, drawn from its own GeoJSON: no tiles, no fonts, no other server.
// A page has to work without it: `openMap` gives null where there is no WebGL.

import * as maplibre from "../vendor/maplibre/maplibre-gl.mjs";
import { el } from "./dom.js";
import { language, named, t } from "./i18n.js";

const MOVES_IN_MS = 600;
const NOTHING = { type: "FeatureCollection", features: [] };

/**
 * A map of this zone (as /v1/zone gives it) in the container; null where it cannot be drawn.
 * `onStop` hears the id of a stop that is chosen on it.
 */
export function openMap(container, zone, { label, onStop = null } = {}) {
  try {
    return new ZoneMap(container, zone, label ?? t("map.label"), onStop);
  } catch (error) {
    console.warn("no map:", error);
    container.replaceChildren();
    return null;
  }
}

export class ZoneMap {
  #zone;
  #pins = new Map();
  #shuttles = new Map();
  #data = { shuttles: NOTHING, path: NOTHING, closed: NOTHING };
  #moving = 0;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #bounds;

  constructor(container, zone, label, onStop) {
    this.#zone = zone;
    this.#bounds = boundsOf(zone.outline.coordinates[0]);
    this.map = new maplibre.Map({
      container,
      style: this.#style(),
      bounds: this.#bounds,
      fitBoundsOptions: { padding: 16 },
      maxBounds: widened(this.#bounds),
      minZoom: 11,
      maxZoom: 19,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      cooperativeGestures: false,
      locale: {
        "Map.Title": label,
        "NavigationControl.ZoomIn": t("map.zoom_in"),
        "NavigationControl.ZoomOut": t("map.zoom_out"),
      },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new maplibre.NavigationControl({ showCompass: false }), "top-right");
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
      this.map.setStyle(this.#style()),
    );
    if (onStop) this.#letChoose(onStop);
    // Before it is drawn nothing on it can be chosen.
    this.map.once("idle", () => container.setAttribute("data-drawn", ""));
  }

  /** `{lat, lon}` or null, under a name: "from" and "to". */
  setPin(name, place) {
    this.#pins.get(name)?.remove();
    this.#pins.delete(name);
    if (!place) return;
    // Who cannot see the map has the same in the page.
    const element = el(`div.map-pin.${name}`, { "aria-hidden": "true" }, el("span", {}, t(`map.pin_${name}`)));
    const pin = new maplibre.Marker({ element: el("div", {}, element), anchor: "bottom", offset: [0, -6] });
    this.#pins.set(name, pin.setLngLat([place.lon, place.lat]).addTo(this.map));
    pin.getElement().removeAttribute("role");
    pin.getElement().removeAttribute("aria-label");
  }

  /** `{id, label, lat, lon, tone}` each; those that are left out leave the map. */
  setShuttles(shown) {
    const now = performance.now();
    const seen = new Set();
    for (const shuttle of shown) {
      seen.add(shuttle.id);
      const known = this.#shuttles.get(shuttle.id);
      const from = known ? placeAt(known, now) : shuttle;
      this.#shuttles.set(shuttle.id, { ...shuttle, from, since: this.#calm.matches ? -Infinity : now });
    }
    for (const id of this.#shuttles.keys()) if (!seen.has(id)) this.#shuttles.delete(id);
    if (!this.#moving) this.#move();
  }

  /** A line of `[lon, lat]`, or null. */
  setPath(coordinates) {
    const features = coordinates
      ? [{ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates } }]
      : [];
    this.#put("path", { type: "FeatureCollection", features });
  }

  /** Ids of streets' edges that are closed. */
  setClosed(edges) {
    const closed = new Set(edges);
    const streets = this.#zone.streets.filter(({ id, reverse }) => closed.has(id) || closed.has(reverse));
    this.#put("closed", streetFeatures(streets));
  }

  /** Looks at these places, or at the whole zone. */
  show(places = []) {
    const found = places.filter(Boolean).map(({ lat, lon }) => [lon, lat]);
    const animate = !this.#calm.matches;
    if (!found.length) this.map.fitBounds(this.#bounds, { padding: 16, animate });
    else this.map.fitBounds(boundsOf(found), { padding: 64, maxZoom: 16, animate });
  }

  remove() {
    cancelAnimationFrame(this.#moving);
    this.map.remove();
  }

  #letChoose(onStop) {
    const layers = ["stops-reach"];
    this.map.on("click", layers, (event) => {
      const { x, y } = event.point;
      // Of several in reach the nearest.
      const off = ({ geometry }) => {
        const at = this.map.project(geometry.coordinates);
        return Math.hypot(at.x - x, at.y - y);
      };
      const [nearest] = event.features.sort((one, other) => off(one) - off(other));
      if (nearest) onStop(nearest.properties.id);
    });
    this.map.on("mouseenter", layers, () => (this.map.getCanvas().style.cursor = "pointer"));
    this.map.on("mouseleave", layers, () => (this.map.getCanvas().style.cursor = ""));
  }

  #move = () => {
    const now = performance.now();
    const features = [...this.#shuttles.values()].map((shuttle) => {
      const { lat, lon } = placeAt(shuttle, now);
      return {
        type: "Feature",
        properties: { id: shuttle.id, label: shuttle.label, tone: shuttle.tone ?? "" },
        geometry: { type: "Point", coordinates: [lon, lat] },
      };
    });
    this.#put("shuttles", { type: "FeatureCollection", features });
    const goesOn = [...this.#shuttles.values()].some(({ since }) => now - since < MOVES_IN_MS);
    this.#moving = goesOn ? requestAnimationFrame(this.#move) : 0;
  };

  #put(name, data) {
    this.#data[name] = data;
    this.map.getSource(name)?.setData(data);
  }

  #style() {
    const colour = colours(this.map?.getContainer() ?? document.body);
    const source = (data) => ({ type: "geojson", data });
    const zone = this.#zone;
    const font = ["Noto Sans KR", "sans-serif"];
    const width = (thin, wide) => ["interpolate", ["exponential", 1.6], ["zoom"], 12, thin, 18, wide];
    return {
      version: 8,
      sources: {
        zone: source({ type: "Feature", properties: {}, geometry: zone.outline }),
        streets: source(streetFeatures(zone.streets)),
        stops: source(stopFeatures(zone.stops)),
        closed: source(this.#data.closed),
        path: source(this.#data.path),
        shuttles: source(this.#data.shuttles),
      },
      layers: [
        { id: "outside", type: "background", paint: { "background-color": colour["map-outside"] } },
        { id: "inside", type: "fill", source: "zone", paint: { "fill-color": colour["map-inside"] } },
        { id: "casing", type: "line", source: "streets", layout: ROUND,
          paint: { "line-color": colour["map-casing"], "line-width": width(2.5, 18) } },
        { id: "streets", type: "line", source: "streets", layout: ROUND,
          paint: { "line-color": colour["map-street"], "line-width": width(1.2, 14) } },
        { id: "edge", type: "line", source: "zone", layout: ROUND,
          paint: { "line-color": colour["map-edge"], "line-width": 2.5, "line-dasharray": [2, 1.5] } },
        { id: "closed", type: "line", source: "closed",
          paint: { "line-color": colour["map-closed"], "line-width": width(3, 10), "line-dasharray": [1, 0.6] } },
        { id: "path", type: "line", source: "path", layout: ROUND,
          paint: { "line-color": colour.accent, "line-width": width(3, 9), "line-opacity": 0.8 } },
        { id: "street-names", type: "symbol", source: "streets", minzoom: 14.5,
          layout: { "symbol-placement": "line", "text-field": ["get", "name"], "text-font": font,
            "text-size": 12, "symbol-spacing": 320, "text-padding": 8 },
          paint: { "text-color": colour["map-label"], "text-halo-color": colour["map-inside"], "text-halo-width": 1.5 } },
        { id: "stops", type: "circle", source: "stops",
          paint: {
            "circle-radius": ["interpolate", ["linear"], ["zoom"], 12, ["case", ["get", "hub"], 4, 2],
              15, ["case", ["get", "hub"], 8, 5], 18, ["case", ["get", "hub"], 12, 9]],
            "circle-color": ["case", ["get", "hub"], colour.accent, colour["map-inside"]],
            "circle-stroke-color": ["case", ["get", "hub"], colour["map-inside"], colour["map-stop"]],
            "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 12, 1, 15, 2],
          } },
        // A finger is wider than a stop.
        { id: "stops-reach", type: "circle", source: "stops",
          paint: { "circle-radius": 14, "circle-opacity": 0 } },
        { id: "stop-names", type: "symbol", source: "stops", minzoom: 15.5,
          layout: { "text-field": ["get", "name"], "text-font": font, "text-size": 12,
            "text-anchor": "top", "text-offset": [0, 0.8], "text-max-width": 9 },
          paint: { "text-color": colour.ink, "text-halo-color": colour["map-inside"], "text-halo-width": 2 } },
        { id: "shuttles", type: "circle", source: "shuttles",
          paint: {
            "circle-radius": ["interpolate", ["linear"], ["zoom"], 12, 7, 16, 14],
            "circle-color": ["match", ["get", "tone"], "warn", colour.warn, "bad", colour.bad, "soft", colour["ink-soft"], colour.accent],
            "circle-stroke-color": colour.surface, "circle-stroke-width": 2,
          } },
        { id: "shuttle-names", type: "symbol", source: "shuttles",
          layout: { "text-field": ["get", "label"], "text-font": font, "text-allow-overlap": true, "text-ignore-placement": true,
            "text-size": ["interpolate", ["linear"], ["zoom"], 12, 9, 16, 14] },
          paint: { "text-color": colour.surface } },
      ],
    };
  }
}

const ROUND = { "line-cap": "round", "line-join": "round" };
const COLOURS = [
  "map-outside", "map-inside", "map-edge", "map-street", "map-casing", "map-label", "map-stop", "map-closed",
  "accent", "ink", "ink-soft", "surface", "warn", "bad",
];

/** The theme's colours, as they are just now: a custom property itself is not worked out. */
function colours(within) {
  const probe = within.appendChild(el("span", { hidden: true }));
  const found = {};
  for (const name of COLOURS) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

const stopFeatures = (stops) => ({
  type: "FeatureCollection",
  features: stops
    .filter(({ kind }) => kind !== "depot")
    .map(({ id, names, kind, lat, lon }) => ({
      type: "Feature",
      properties: { id, name: named(names), hub: kind === "interchange" },
      geometry: { type: "Point", coordinates: [lon, lat] },
    })),
});

const streetFeatures = (streets) => ({
  type: "FeatureCollection",
  features: streets.map(({ id, names, geometry }) => ({
    type: "Feature",
    properties: { id, name: names[language] ?? names.ko ?? "" },
    geometry,
  })),
});

function placeAt({ from, lat, lon, since }, now) {
  const part = Math.min(1, Math.max(0, (now - since) / MOVES_IN_MS));
  if (part === 1 || !from) return { lat, lon };
  return { lat: from.lat + (lat - from.lat) * part, lon: from.lon + (lon - from.lon) * part };
}

function boundsOf(coordinates) {
  const lons = coordinates.map(([lon]) => lon);
  const lats = coordinates.map(([, lat]) => lat);
  return [[Math.min(...lons), Math.min(...lats)], [Math.max(...lons), Math.max(...lats)]];
}

function widened([[west, south], [east, north]]) {
  const [wide, high] = [east - west, north - south];
  return [[west - wide, south - high], [east + wide, north + high]];
}
