// All shuttles on a canvas over the map: where they are and head to, how full, and what is wrong.
// Five hundred are drawn in a few milliseconds; the map itself has nothing to do with it.

import { el } from "../shared/dom.js";
import { isMoving, placeNow } from "./store.js";
import { shuttleNumber, standing } from "./words.js";

const LARGE_FROM_ZOOM = 14.2;
const REACH_PX = 18;
const NAMES = { good: "accent", calm: "ink-soft", warn: "warn", bad: "bad" };

export class FleetLayer {
  #map;
  #store;
  #canvas;
  #context;
  #colours = {};
  #frame = 0;
  #drawn = [];
  #size = [0, 0];
  /** What is closed, or about to be: ids of streets and stops, and a line of [lon, lat]. */
  marks = { streets: [], stops: [], closedStops: [], line: [] };
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(map, store) {
    this.#map = map;
    this.#store = store;
    this.#canvas = el("canvas.fleet", { "aria-hidden": "true" });
    map.getCanvasContainer().append(this.#canvas);
    this.#context = this.#canvas.getContext("2d");
    map.on("move", () => this.draw());
    map.on("resize", () => this.#fit());
    this.#fit();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#colours = {};
      this.draw();
    });
  }

  /** Draws in the next frame, and goes on while something moves. */
  draw() {
    if (!this.#frame) this.#frame = requestAnimationFrame(this.#paint);
  }

  /** The id of the shuttle nearest to this place on the map, in reach of a finger. */
  at({ x, y }) {
    let found = null;
    let nearest = REACH_PX;
    for (const [id, left, top] of this.#drawn) {
      const off = Math.hypot(left - x, top - y);
      if (off < nearest) [found, nearest] = [id, off];
    }
    return found;
  }

  #paint = () => {
    this.#frame = 0;
    const now = this.#calm.matches ? Infinity : performance.now();
    const large = this.#map.getZoom() >= LARGE_FROM_ZOOM;
    const context = this.#context;
    const selected = this.#store.selected?.kind === "shuttle" ? this.#store.selected.id : null;
    const [width, height] = this.#size;
    context.clearRect(0, 0, width, height);
    this.#marks();
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = "600 11px system-ui, sans-serif";
    let goesOn = false;
    this.#drawn = [];
    let last = null;
    for (const shuttle of this.#store.shuttles.values()) {
      goesOn ||= isMoving(shuttle, now);
      const place = placeNow(shuttle, now);
      const { x, y } = this.#map.project([place.lon, place.lat]);
      if (x < -30 || y < -30 || x > width + 30 || y > height + 30) continue;
      this.#drawn.push([shuttle.id, x, y]);
      if (shuttle.id === selected) last = [shuttle, place, x, y];
      else this.#shuttle(shuttle, place, x, y, large, false);
    }
    if (last) this.#shuttle(...last, true, true);
    if (goesOn) this.draw();
  };

  #marks() {
    const { streets, stops, closedStops, line } = this.marks;
    const context = this.#context;
    context.lineCap = "round";
    for (const id of streets) {
      const street = this.#store.streets.get(id);
      if (street) this.#line(street.geometry.coordinates, 7, this.#colour("warn"));
    }
    if (line.length) {
      this.#line(line, 3, this.#colour("bad"));
      for (const point of line) this.#dot(this.#map.project(point), 5, this.#colour("bad"));
    }
    for (const id of stops) this.#ring(id, this.#colour("warn"));
    for (const id of closedStops) this.#cross(id);
  }

  #line(coordinates, width, colour) {
    const context = this.#context;
    context.beginPath();
    for (const point of coordinates) {
      const { x, y } = this.#map.project(point);
      context.lineTo(x, y);
    }
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }

  #dot({ x, y }, radius, colour) {
    this.#context.beginPath();
    this.#context.arc(x, y, radius, 0, 2 * Math.PI);
    this.#context.fillStyle = colour;
    this.#context.fill();
  }

  #ring(id, colour) {
    const stop = this.#store.stops.get(id);
    if (!stop) return;
    const { x, y } = this.#map.project([stop.lon, stop.lat]);
    this.#context.beginPath();
    this.#context.arc(x, y, 11, 0, 2 * Math.PI);
    this.#context.lineWidth = 4;
    this.#context.strokeStyle = colour;
    this.#context.stroke();
  }

  #cross(id) {
    const stop = this.#store.stops.get(id);
    if (!stop) return;
    const { x, y } = this.#map.project([stop.lon, stop.lat]);
    const context = this.#context;
    context.beginPath();
    context.moveTo(x - 6, y - 6);
    context.lineTo(x + 6, y + 6);
    context.moveTo(x + 6, y - 6);
    context.lineTo(x - 6, y + 6);
    context.lineWidth = 3.5;
    context.strokeStyle = this.#colour("map-closed");
    context.stroke();
  }

  #shuttle(shuttle, place, x, y, large, selected) {
    const context = this.#context;
    const { tone } = standing(shuttle);
    const colour = this.#colour(NAMES[tone]);
    const radius = large ? 11 : 7;
    if (selected) {
      context.beginPath();
      context.arc(x, y, radius + 7, 0, 2 * Math.PI);
      context.lineWidth = 3;
      context.strokeStyle = this.#colour("ink");
      context.stroke();
    }
    // A beak shows where it heads.
    if (typeof place.heading_deg === "number") {
      const angle = ((place.heading_deg - 90) * Math.PI) / 180;
      context.beginPath();
      context.moveTo(x + Math.cos(angle) * (radius + (large ? 8 : 6)), y + Math.sin(angle) * (radius + (large ? 8 : 6)));
      context.lineTo(x + Math.cos(angle + 0.7) * radius, y + Math.sin(angle + 0.7) * radius);
      context.lineTo(x + Math.cos(angle - 0.7) * radius, y + Math.sin(angle - 0.7) * radius);
      context.fillStyle = colour;
      context.fill();
    }
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = tone === "bad" && shuttle.silent ? this.#colour("surface") : colour;
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = shuttle.silent ? colour : this.#colour("surface");
    context.stroke();
    this.#load(shuttle, x, y, radius, large);
    if (large) {
      context.fillStyle = shuttle.silent ? colour : this.#colour("surface");
      context.fillText(shuttleNumber(shuttle.id), x, y + 0.5);
    }
  }

  /** An arc around it, as long as it is full. */
  #load({ aboard, capacity }, x, y, radius, large) {
    const places = capacity.seats + capacity.wheelchairs;
    const riders = aboard.seats + aboard.wheelchairs;
    if (!riders || !places) return;
    const context = this.#context;
    context.beginPath();
    context.arc(x, y, radius + (large ? 3 : 2), -Math.PI / 2, -Math.PI / 2 + (2 * Math.PI * riders) / places);
    context.lineWidth = large ? 3.5 : 2.5;
    context.strokeStyle = this.#colour("ink");
    context.stroke();
  }

  #fit() {
    const { width, height } = this.#map.getContainer().getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width !== wide || this.#canvas.height !== high) {
      this.#canvas.width = wide;
      this.#canvas.height = high;
      this.#canvas.style.width = `${width}px`;
      this.#canvas.style.height = `${height}px`;
    }
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#size = [width, height];
    this.draw();
  }

  /** The theme's colours, worked out once. */
  #colour(name) {
    if (!this.#colours[name]) {
      const probe = this.#map.getContainer().appendChild(el("span", { hidden: true }));
      probe.style.color = `var(--${name})`;
      this.#colours[name] = getComputedStyle(probe).color;
      probe.remove();
    }
    return this.#colours[name];
  }
}
