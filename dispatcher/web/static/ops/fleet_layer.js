// All shuttles on a canvas over the map: where they are and head to, how full, and what is wrong.
// Five hundred are drawn in a few milliseconds; the map itself has nothing to do with it.

import { el } from "../shared/dom.js";
import { isMoving, placeNow } from "./store.js";
import { shuttleNumber, standing } from "./words.js";

const LARGE_FROM_ZOOM = 14.2;
const REACH_PX = 18;
const DRAWN_EVERY_MS = 30; // small things gliding for a second need no more
const HEADINGS = 32;
const LOADS = 12;
const NAMES = { good: "accent", calm: "ink-soft", warn: "warn", bad: "bad" };

export class FleetLayer {
  #map;
  #store;
  #canvas;
  #context;
  #colours = {};
  #frame = 0;
  #painted = -Infinity;
  #pictures = new Map(); // of a shuttle, by all that it is drawn from
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
    // Drawn by the processor: without a good graphics card that is twenty times as fast.
    this.#context = this.#canvas.getContext("2d", { willReadFrequently: true });
    map.on("move", () => {
      this.#painted = -Infinity; // never behind the map
      this.draw();
    });
    map.on("resize", () => this.#fit());
    this.#fit();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#colours = {};
      this.#pictures.clear();
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
    const started = performance.now();
    if (started - this.#painted < DRAWN_EVERY_MS) {
      this.draw();
      return;
    }
    this.#painted = started;
    const now = this.#calm.matches ? Infinity : started;
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
      else this.#shuttle(shuttle, place, x, y, large);
    }
    if (last) {
      const [, , x, y] = last;
      context.beginPath();
      context.arc(x, y, 18, 0, 2 * Math.PI);
      context.lineWidth = 3;
      context.strokeStyle = this.#colour("ink");
      context.stroke();
      this.#shuttle(...last, true);
    }
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

  #shuttle(shuttle, place, x, y, large) {
    const { tone } = standing(shuttle);
    const { aboard, capacity, silent } = shuttle;
    const places = capacity.seats + capacity.wheelchairs;
    const load = places ? Math.ceil((LOADS * (aboard.seats + aboard.wheelchairs)) / places) : 0;
    const heading = typeof place.heading_deg === "number" ? Math.round((place.heading_deg * HEADINGS) / 360) % HEADINGS : -1;
    const picture = this.#picture(tone, silent, large, heading, Math.min(LOADS, load));
    this.#context.drawImage(picture, x - picture.reach, y - picture.reach, 2 * picture.reach, 2 * picture.reach);
    if (!large) return;
    this.#context.fillStyle = this.#colour(silent ? NAMES[tone] : "surface");
    this.#context.fillText(shuttleNumber(shuttle.id), x, y + 0.5);
  }

  #picture(tone, silent, large, heading, load) {
    const ratio = devicePixelRatio || 1;
    const key = `${tone} ${silent} ${large} ${heading} ${load} ${ratio}`;
    let made = this.#pictures.get(key);
    if (!made) {
      const radius = large ? 11 : 7;
      const reach = radius + 9;
      made = el("canvas", { width: Math.ceil(2 * reach * ratio), height: Math.ceil(2 * reach * ratio) });
      made.reach = reach;
      const context = made.getContext("2d", { willReadFrequently: true });
      context.scale(ratio, ratio);
      context.translate(reach, reach);
      this.#drawPicture(context, radius, this.#colour(NAMES[tone]), silent, heading, load);
      this.#pictures.set(key, made);
    }
    return made;
  }

  #drawPicture(context, radius, colour, silent, heading, load) {
    const ground = this.#colour("surface");
    if (heading >= 0) {
      // A beak shows where it heads.
      const angle = (2 * Math.PI * heading) / HEADINGS - Math.PI / 2;
      const at = (turn, far) => [Math.cos(angle + turn) * far, Math.sin(angle + turn) * far];
      context.beginPath();
      context.moveTo(...at(0, radius + 7));
      context.lineTo(...at(0.7, radius));
      context.lineTo(...at(-0.7, radius));
      context.fillStyle = colour;
      context.fill();
    }
    context.beginPath();
    context.arc(0, 0, radius, 0, 2 * Math.PI);
    context.fillStyle = silent ? ground : colour;
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = silent ? colour : ground;
    context.stroke();
    if (!load) return;
    // An arc around it, as long as it is full.
    context.beginPath();
    context.arc(0, 0, radius + 2.5, -Math.PI / 2, -Math.PI / 2 + (2 * Math.PI * load) / LOADS);
    context.lineWidth = 3;
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
