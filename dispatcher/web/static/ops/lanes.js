// Shuttles by time: each visit a block where it is planned, before the window that was promised.
// Only the lanes in view are drawn. The same is in a table for who does not see it.

import { el, setText } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { ENDED, shuttleName, shuttleNumber, span, stopName, tripName } from "./words.js";
import { Table } from "./table.js";

const SPACE = "http://www.w3.org/2000/svg";
const LANE = 30;
const HEAD = 24;
const NAME = 64;
const BEFORE_MS = 3 * 60_000;
const SPANS_MIN = [15, 30, 60, 120];

export class Lanes {
  #store;
  #minutes = 30;
  #asTable = false;
  #all = false;
  #table;
  #width = 0;

  constructor(store) {
    this.#store = store;
    this.svg = document.createElementNS(SPACE, "svg");
    this.svg.setAttribute("role", "img");
    this.svg.setAttribute("aria-label", t("ops.lanes_label"));
    this.room = el("div.lane-room", {}, this.svg);
    this.scroll = el("div.scroll.lanes", { tabindex: "0", role: "region", "aria-label": t("ops.tab.lanes"), onscroll: () => this.render() }, this.room);
    this.#table = this.#visitTable();
    const toggle = el("button.button.small", {
      type: "button", id: "lanes-table", "aria-pressed": "false",
      onclick: () => {
        this.#asTable = !this.#asTable;
        toggle.setAttribute("aria-pressed", String(this.#asTable));
        this.scroll.hidden = this.#asTable;
        this.#table.element.hidden = !this.#asTable;
        this.render();
      },
    }, t("ops.as_table"));
    const range = el("select", { "aria-label": t("ops.lanes_span"), onchange: (event) => {
      this.#minutes = Number(event.target.value);
      this.render();
    } }, SPANS_MIN.map((minutes) =>
      el("option", { value: minutes, selected: minutes === this.#minutes }, t("ops.minutes", { count: minutes }))));
    const which = el("select", { "aria-label": t("ops.lanes_which"), onchange: (event) => {
      this.#all = event.target.value === "all";
      this.render();
    } }, ["planned", "all"].map((kind) => el("option", { value: kind }, t(`ops.lanes_${kind}`))));
    this.#table.element.hidden = true;
    this.element = el("div.lane-side", {},
      el("div.row.table-tools", {}, toggle, which, range,
        el("span.lane-key", { "aria-hidden": "true" },
          ["board", "alight", "both", "charge", "window", "late"].map((kind) => el("span", {}, el(`i.key.${kind}`), t(`ops.lane.${kind}`))))),
      this.scroll, this.#table.element);
    this.svg.addEventListener("click", (event) => {
      const { shuttle } = event.target.closest("[data-shuttle]")?.dataset ?? {};
      if (shuttle) store.select("shuttle", shuttle);
    });
    new ResizeObserver(() => this.render()).observe(this.scroll);
  }

  render() {
    if (this.#asTable) {
      this.#table.render();
      return;
    }
    const shuttles = [...this.#store.shuttles.values()].filter(({ plan }) => this.#all || plan.visits.length).sort((one, other) =>
      shuttleNumber(one.id).localeCompare(shuttleNumber(other.id), "en", { numeric: true }) || (one.id < other.id ? -1 : 1));
    const high = HEAD + shuttles.length * LANE;
    if (this.room.style.height !== `${high}px`) this.room.style.height = `${high}px`;
    const width = this.scroll.clientWidth;
    const seen = this.scroll.clientHeight;
    if (!width || !seen) return;
    const first = Math.max(0, Math.floor((this.scroll.scrollTop - HEAD) / LANE));
    const shown = shuttles.slice(first, first + Math.ceil(seen / LANE) + 2);
    this.#width = width;
    for (const [name, value] of [["width", width], ["height", seen], ["viewBox", `0 0 ${width} ${seen}`]]) this.svg.setAttribute(name, value);
    const top = HEAD + first * LANE - this.scroll.scrollTop;
    const now = this.#store.time.now();
    this.svg.replaceChildren(
      ...shown.flatMap((shuttle, index) => this.#lane(shuttle, top + index * LANE, now)),
      ...this.#axis(now, seen));
  }

  #x(at, now) {
    return NAME + ((at - now + BEFORE_MS) / (this.#minutes * 60_000 + BEFORE_MS)) * (this.#width - NAME);
  }

  #axis(now, high) {
    const step = (this.#minutes <= 30 ? 5 : this.#minutes <= 60 ? 10 : 20) * 60_000;
    const parts = [node("rect", { x: 0, y: 0, width: this.#width, height: HEAD, class: "axis" })];
    for (let at = Math.ceil((now - BEFORE_MS) / step) * step; at < now + this.#minutes * 60_000; at += step) {
      const x = this.#x(at, now);
      if (x < NAME + 10) continue;
      parts.push(node("line", { x1: x, x2: x, y1: HEAD, y2: high, class: "tick" }));
      parts.push(node("text", { x, y: 16, "text-anchor": "middle" }, this.#store.time.time(at)));
    }
    const here = this.#x(now, now);
    parts.push(node("line", { x1: here, x2: here, y1: 0, y2: high, class: "now" }));
    return parts;
  }

  #lane(shuttle, y, now) {
    const chosen = this.#store.selected?.kind === "shuttle" && this.#store.selected.id === shuttle.id;
    const parts = [
      node("rect", { x: 0, y, width: this.#width, height: LANE, class: chosen ? "lane chosen" : "lane", "data-shuttle": shuttle.id }),
      node("text", { x: 8, y: y + 20, class: "name" }, shuttleNumber(shuttle.id)),
    ];
    const clipped = (from, to) => [Math.max(NAME, this.#x(from, now)), Math.min(this.#width, this.#x(to, now))];
    let before = null;
    // Windows behind, then the way, then the blocks.
    for (const visit of shuttle.plan.visits) {
      for (const { from, to } of this.#windows(visit)) {
        const [left, right] = clipped(from, to);
        if (right > left) parts.push(node("rect", { x: left, y: y + 3, width: right - left, height: LANE - 7, class: "window" }));
      }
    }
    for (const visit of shuttle.plan.visits) {
      if (before !== null) {
        const [left, right] = clipped(before, Date.parse(visit.arrive));
        if (right > left) parts.push(node("line", { x1: left, x2: right, y1: y + LANE / 2, y2: y + LANE / 2, class: "way" }));
      }
      before = Date.parse(visit.depart);
    }
    for (const visit of shuttle.plan.visits) {
      const [left, right] = clipped(Date.parse(visit.begin), Date.parse(visit.depart));
      if (right < left) continue;
      const late = this.#windows(visit).some(({ late }) => late);
      const kind = visit.charge_to_pct ? "charge" : visit.boards.length && visit.alights.length ? "both" : visit.boards.length ? "board" : visit.alights.length ? "alight" : "stand";
      const block = node("rect", {
        x: left, y: y + 7, width: Math.max(7, right - left), height: LANE - 15, rx: 2,
        class: `visit ${kind}${late ? " late" : ""}${visit.released ? " released" : ""}`, "data-shuttle": shuttle.id,
      });
      block.append(node("title", {}, this.#told(visit)));
      parts.push(block);
    }
    return parts;
  }

  /** What was promised about a visit, and whether it comes too late for that. */
  #windows(visit) {
    const found = [];
    const begin = Date.parse(visit.begin);
    for (const id of visit.boards) {
      const promise = this.#promise(id);
      if (promise) found.push({ trip: id, from: Date.parse(promise.window.opens), to: Date.parse(promise.window.closes), late: begin > Date.parse(promise.window.closes) });
    }
    for (const id of visit.alights) {
      const promise = this.#promise(id);
      if (!promise) continue;
      const latest = Date.parse(promise.dropoff_latest);
      found.push({ trip: id, from: latest - 20_000, to: latest, late: begin > latest });
    }
    return found;
  }

  #promise(id) {
    const trip = this.#store.trips.get(id);
    return trip && !ENDED.has(trip.state) ? trip.promise : null;
  }

  #told(visit) {
    const { time } = this.#store;
    return [
      `${time.time(visit.begin)} ${stopName(this.#store, visit.stop)}`,
      visit.boards.length ? t("ops.boards", { trips: visit.boards.map(tripName).join(", ") }) : "",
      visit.alights.length ? t("ops.alights", { trips: visit.alights.map(tripName).join(", ") }) : "",
    ].filter(Boolean).join(" · ");
  }

  #visitTable() {
    const { time } = this.#store;
    const rows = () => [...this.#store.shuttles.values()].flatMap((shuttle) => shuttle.plan.visits.map((visit) => {
      const left = this.#windows(visit).map(({ to }) => (to - Date.parse(visit.begin)) / 1000);
      return { id: visit.id, shuttle, visit, left: left.length ? Math.min(...left) : null };
    }));
    return new Table(t("ops.visits"), {
      rows, sort: "begin",
      onChoose: (id) => {
        const row = rows().find((each) => each.id === id);
        if (row) this.#store.select("shuttle", row.shuttle.id);
      },
      words: ({ shuttle, visit }) => `${shuttle.id} ${shuttleName(shuttle.id)} ${stopName(this.#store, visit.stop)} ${visit.boards} ${visit.alights}`,
      columns: [
        { key: "shuttle", label: t("ops.column.shuttle"), text: ({ shuttle }) => shuttleName(shuttle.id) },
        { key: "stop", label: t("ops.column.stop"), text: ({ visit }) => stopName(this.#store, visit.stop) },
        { key: "begin", label: t("ops.column.begin"), number: true, text: ({ visit }) => time.time(visit.begin), sort: ({ visit }) => Date.parse(visit.begin) },
        { key: "boards", label: t("ops.column.boards"), text: ({ visit }) => visit.boards.map(tripName).join(", ") },
        { key: "alights", label: t("ops.column.alights"), text: ({ visit }) => visit.alights.map(tripName).join(", ") },
        { key: "left", label: t("ops.column.left"), number: true, text: ({ left }) => (left === null ? "" : span(left)), sort: ({ left }) => left, tone: ({ left }) => (left !== null && left < 0 ? "bad" : "") },
      ],
    });
  }
}

function node(name, attributes, text) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) setText(made, text);
  return made;
}
