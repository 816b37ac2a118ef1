// Below the map: shuttles, trips, lanes, commands and, for an admin, the audit trail, one at a time.

import { get } from "../shared/api.js";
import { byId, el } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { Audit } from "./audit.js";
import { Lanes } from "./lanes.js";
import { Table } from "./table.js";
import { ENDED, load, pct, people, shuttleName, slack, span, standing, stopName, tripName } from "./words.js";

const REFRESH_MS = 1000;
const COMMANDS_EVERY_MS = 10_000; // others order, too

export class Lists {
  #console;
  #store;
  #shown = "shuttles";
  #views;
  #tabs;
  #stale = true;
  #openOnly = true;
  #commands = [];

  constructor(consolePage) {
    this.#console = consolePage;
    this.#store = consolePage.store;
    this.#views = { shuttles: this.#shuttles(), trips: this.#trips(), lanes: new Lanes(this.#store), commands: this.#log() };
    if (consolePage.audits) this.#views.audit = new Audit(consolePage);
    this.#tabs = Object.keys(this.#views);
    this.tabs = this.#tabs.map((name) => el("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`,
      onclick: () => this.show(name), onkeydown: (event) => this.#key(event, name),
    }, t(`ops.tab.${name}`)));
    this.panels = this.#tabs.map((name) => el("div.tab-panel", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}` }, this.#views[name].element));
    const taller = el("button.button.small", {
      type: "button", id: "taller", "aria-pressed": "false",
      onclick: () => {
        const tall = byId("console").classList.toggle("tall");
        taller.setAttribute("aria-pressed", String(tall));
        dispatchEvent(new Event("resize"));
      },
    }, t("ops.taller"));
    byId("lists").append(el("div.tabs-row", {}, el("div.tabs", { role: "tablist", "aria-label": t("ops.lists") }, this.tabs), taller), ...this.panels);
    this.show("shuttles");
    // Tables are read, so they change once a second; the map shows every movement.
    setInterval(() => this.#stale && this.render(), REFRESH_MS);
    setInterval(() => this.#shown === "commands" && this.refreshCommands(), COMMANDS_EVERY_MS);
  }

  show(name) {
    this.#views[this.#shown].leave?.();
    this.#shown = name;
    this.#tabs.forEach((each, index) => {
      this.tabs[index].setAttribute("aria-selected", String(each === name));
      this.tabs[index].tabIndex = each === name ? 0 : -1;
      this.panels[index].hidden = each !== name;
    });
    if (name === "commands") this.refreshCommands();
    this.#views[name].keepUp?.();
    this.render();
  }

  changed() {
    this.#stale = true;
  }

  render() {
    this.#stale = false;
    const { selected } = this.#store;
    this.#views[this.#shown].render(selected?.id ?? null);
  }

  async refreshCommands() {
    const page = await get("/v1/commands?limit=100").catch(() => null);
    if (!page) return;
    this.#commands = page.entries.map((row) => ({ ...row, key: row.position, id: String(row.position) }));
    if (this.#shown === "commands") this.render();
  }

  #key(event, name) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = (this.#tabs.indexOf(name) + by + this.#tabs.length) % this.#tabs.length;
    this.show(this.#tabs[next]);
    this.tabs[next].focus();
  }

  #shuttles() {
    const store = this.#store;
    const { time } = store;
    const places = ({ capacity }) => capacity.seats + capacity.wheelchairs;
    const riders = ({ aboard }) => aboard.seats + aboard.wheelchairs;
    return new Table(t("ops.tab.shuttles"), {
      rows: () => [...store.shuttles.values()],
      onChoose: (id) => this.#console.choose("shuttle", id),
      words: (row) => `${row.id} ${shuttleName(row.id)} ${standing(row).word} ${row.next_stop ? stopName(store, row.next_stop) : ""}`,
      sort: "name",
      columns: [
        { key: "name", label: t("ops.column.shuttle"), text: ({ id }) => shuttleName(id) },
        { key: "status", label: t("ops.column.status"), text: (row) => standing(row).word, tone: (row) => standing(row).tone },
        { key: "load", label: t("ops.column.load"), number: true, text: load, sort: (row) => riders(row) / (places(row) || 1) },
        { key: "battery", label: t("ops.column.battery"), number: true, text: ({ battery_pct: level }) => pct(level), sort: ({ battery_pct: level }) => level, tone: ({ battery_pct: level, charging }) => (level < 15 && !charging ? "bad" : level < 30 && !charging ? "warn" : "") },
        { key: "next", label: t("ops.column.next"), text: ({ next_stop: stop }) => (stop ? stopName(store, stop) : "–") },
        { key: "arrival", label: t("ops.column.arrival"), number: true, text: ({ arrivalMs }) => (arrivalMs ? time.time(arrivalMs) : ""), sort: ({ arrivalMs }) => arrivalMs },
        { key: "visits", label: t("ops.column.visits"), number: true, text: ({ plan }) => String(plan.visits.length), sort: ({ plan }) => plan.visits.length },
        { key: "heard", label: t("ops.column.heard"), number: true, text: ({ heardMs }) => span(Math.max(0, (time.now() - heardMs) / 1000)), sort: ({ heardMs }) => -heardMs },
      ],
    });
  }

  #trips() {
    const store = this.#store;
    const { time } = store;
    const minutes = (trip) => (time.now() - Date.parse(trip.asked)) / 1000;
    const filter = el("select", { "aria-label": t("ops.which_trips"), onchange: (event) => {
      this.#openOnly = event.target.value === "open";
      this.#views.trips.first();
    } }, ["open", "ended"].map((kind) => el("option", { value: kind }, t(`ops.trips_${kind}`))));
    return new Table(t("ops.tab.trips"), {
      filters: filter,
      rows: () => [...store.trips.values()].filter(({ state }) => ENDED.has(state) !== this.#openOnly).map((trip) => Object.assign(trip, { id: trip.trip })),
      onChoose: (id) => this.#console.choose("trip", id),
      words: (trip) => `${trip.trip} ${t(`ops.trip_state.${trip.state}`)} ${trip.shuttle ? shuttleName(trip.shuttle) : ""} ${trip.promise ? `${stopName(store, trip.promise.pickup)} ${stopName(store, trip.promise.dropoff)}` : ""}`,
      sort: "slack",
      columns: [
        { key: "trip", label: t("ops.column.trip"), text: ({ trip }) => tripName(trip) },
        { key: "state", label: t("ops.column.state"), text: (trip) => (trip.refusal ? `${t(`ops.trip_state.${trip.state}`)}: ${t(`ops.refusal.${trip.refusal}`)}` : t(`ops.trip_state.${trip.state}`)) },
        { key: "age", label: t("ops.column.age"), number: true, text: (trip) => span(minutes(trip)), sort: minutes },
        { key: "slack", label: t("ops.column.slack"), number: true, text: (trip) => { const left = slack(trip, time.now()); return left === null ? "–" : span(left); }, sort: (trip) => slack(trip, time.now()), tone: (trip) => { const left = slack(trip, time.now()); return left === null ? "" : left < 0 ? "bad" : left < 60 ? "warn" : ""; } },
        { key: "riders", label: t("ops.column.riders"), text: ({ promise }) => (promise ? people(promise.party) : "–") },
        { key: "from", label: t("ops.column.from"), text: ({ promise }) => (promise ? stopName(store, promise.pickup) : "–") },
        { key: "to", label: t("ops.column.to"), text: ({ promise }) => (promise ? stopName(store, promise.dropoff) : "–") },
        { key: "shuttle", label: t("ops.column.shuttle"), text: ({ shuttle }) => (shuttle ? shuttleName(shuttle) : "–") },
        { key: "window", label: t("ops.column.window"), number: true, text: ({ promise }) => (promise ? time.span(promise.window.opens, promise.window.closes) : "–"), sort: ({ promise }) => (promise ? Date.parse(promise.window.opens) : null) },
        { key: "latest", label: t("ops.column.latest"), number: true, text: ({ promise }) => (promise ? time.time(promise.dropoff_latest) : "–"), sort: ({ promise }) => (promise ? Date.parse(promise.dropoff_latest) : null) },
      ],
    });
  }

  #log() {
    const store = this.#store;
    const about = (row) => (row.trip ? tripName(row.trip) : row.shuttle ? shuttleName(row.shuttle) : [...row.stops ?? [], ...row.edges ?? []].slice(0, 4).join(", "));
    return new Table(t("ops.tab.commands"), {
      rows: () => this.#commands,
      onChoose: (id) => {
        const row = this.#commands.find((each) => each.id === id);
        if (row?.trip) this.#console.choose("trip", row.trip);
        else if (row?.shuttle) this.#console.choose("shuttle", row.shuttle);
      },
      words: (row) => `${row.text} ${row.operator} ${about(row)}`,
      sort: "at", down: true,
      columns: [
        { key: "at", label: t("ops.column.at"), text: ({ at }) => store.time.time(at), sort: ({ position }) => position },
        { key: "who", label: t("ops.column.who"), text: ({ operator }) => operator ?? "" },
        { key: "what", label: t("ops.column.what"), text: ({ kind }) => t(`ops.do.${kind}`) },
        { key: "about", label: t("ops.column.about"), text: about },
        { key: "reason", label: t("ops.column.reason"), text: ({ reason }) => reason },
        { key: "outcome", label: t("ops.column.outcome"), text: ({ outcome }) => (outcome ? t(outcome.accepted ? "ops.outcome.done" : "ops.outcome.refused") : t("ops.outcome.unknown")), tone: ({ outcome }) => (outcome && !outcome.accepted ? "warn" : "") },
      ],
    });
  }
}
