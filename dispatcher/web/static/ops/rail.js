// The left side: what needs somebody, and how the service does.

import { announce, byId, el, refill, setText } from "../shared/dom.js";
import { language, t } from "../shared/i18n.js";
import { aboutWhat, attention } from "./attention.js";
import { told } from "./told.js";
import { number, pct, span } from "./words.js";

const MOST = 40;
const SAID_EVERY_MS = 8_000;

export class Rail {
  #store;
  #list = el("ul.alert-list");
  #none = el("p.soft", {}, t("ops.no_alerts"));
  #shown = "";
  #known = null;
  #saidAt = -Infinity;
  #seen = new Set();
  #figures = new Map();

  constructor(store) {
    this.#store = store;
    byId("alerts").append(this.#none, this.#list);
  }

  render() {
    const all = attention(this.#store).filter(({ key }) => !this.#seen.has(key));
    const open = all.filter(({ over }) => !over);
    setText(byId("alerts-count"), open.length ? String(open.length) : "");
    this.#none.hidden = all.length > 0;
    const { time } = this.#store;
    const shown = all.slice(0, MOST);
    const written = JSON.stringify(shown.map(({ key, over, times }) => [key, over, times]));
    if (written !== this.#shown) {
      this.#shown = written;
      refill(this.#list, shown.map((item) => this.#item(item, time)));
    }
    this.#say(open);
  }

  #item(item, time) {
    const { key, kind, subject, atMs, over, detail, times, grave } = item;
    const id = `alert-${key.replace(/[^\w-]/g, "_")}`;
    return el(`li.alert${over ? ".over" : grave ? ".grave" : ""}`, {},
      el("div.alert-head", {},
        el("strong", {}, t(`ops.alert.${kind}`)),
        el("time.soft", {}, time.time(atMs))),
      el("p", {},
        subject
          ? el("button.link", { type: "button", id, onclick: () => this.#store.select(subject.kind, subject.id) }, aboutWhat(this.#store, subject))
          : aboutWhat(this.#store, subject),
        times > 1 ? ` · ${t("ops.times", { count: times })}` : "",
        over ? ` · ${t("ops.over")}` : ""),
      !over && el("p.todo", {}, t(`ops.todo.${kind}`)),
      detail && this.#detail(told(this.#store, detail)),
      over && el("button.button.small", {
        type: "button", "aria-label": t("ops.clear_named", { alert: `${t(`ops.alert.${kind}`)}, ${aboutWhat(this.#store, subject)}` }),
        onclick: () => {
          this.#seen.add(key);
          this.render();
        },
      }, t("ops.clear")));
  }

  #detail = ({ text, lang }) => el("details", {}, el("summary", {}, t("ops.more")), el("p.soft", { lang }, text));

  /** New grave ones are said, several in one sentence, and not more often than somebody can listen to. */
  #say(open) {
    const grave = open.filter(({ grave }) => grave);
    const keys = new Set(grave.map(({ key }) => key));
    if (this.#known === null) {
      this.#known = keys; // what is there when the page opens is in the list
      return;
    }
    const now = performance.now();
    if (now - this.#saidAt < SAID_EVERY_MS) return;
    const fresh = grave.filter(({ key }) => !this.#known.has(key));
    this.#known = keys;
    if (!fresh.length) return;
    this.#saidAt = now;
    const [first] = fresh;
    const text = `${t(`ops.alert.${first.kind}`)}: ${aboutWhat(this.#store, first.subject)}`;
    announce(fresh.length === 1 ? text : t("ops.and_more", { text, count: fresh.length - 1 }));
  }

  renderFigures() {
    const { figures } = this.#store;
    if (!figures) return;
    const { waits, punctuality, fleet, times, refused, requests } = figures;
    const refusals = Object.entries(refused).sort(([, one], [, other]) => other - one);
    const refusedAll = refusals.reduce((sum, [, count]) => sum + count, 0);
    const rows = [
      ["wait_p50", waits.boardings ? span(waits.p50_s) : "–"],
      ["wait_p95", waits.boardings ? span(waits.p95_s) : "–"],
      ["on_time", punctuality.kept_pct === undefined ? "–" : pct(punctuality.kept_pct)],
      ["refused", requests ? t("ops.of", { part: refusedAll, all: requests }) : "–"],
      ...refusals.slice(0, 4).map(([code, count]) => [`refused ${code}`, number(count)]),
      ["per_hour", fleet.people_per_shuttle_hour === undefined ? "–" : number(fleet.people_per_shuttle_hour)],
      ["shared", fleet.shared_pct === undefined ? "–" : pct(fleet.shared_pct)],
      ["empty", fleet.km ? `${pct((100 * fleet.empty_km) / fleet.km)} · ${number(fleet.empty_km)} km` : "–"],
      ["decision", times.decisions ? `${number(times.decision_mean_ms)} ms` : "–"],
      ["decision_p99", times.decision_p99_below_ms === undefined ? "–" : `< ${number(times.decision_p99_below_ms)} ms`],
      ["solver", solver(times)],
    ];
    const seen = new Set(rows.map(([key]) => key));
    for (const [key, { row }] of this.#figures) {
      if (seen.has(key)) continue;
      row.remove();
      this.#figures.delete(key);
    }
    const list = byId("figures").querySelector("dl") ?? byId("figures").appendChild(el("dl.figure-list"));
    rows.forEach(([key, value], index) => {
      let made = this.#figures.get(key);
      if (!made) {
        const [name, code] = key.split(" ");
        const words = code ? t(`ops.refusal.${code}`) : t(`ops.figure.${name}`);
        made = { value: el("dd.number") };
        made.row = el(code ? "div.part" : "div", {}, el("dt", { lang: language }, words), made.value);
        this.#figures.set(key, made);
      }
      setText(made.value, value);
      if (list.children[index] !== made.row) list.insertBefore(made.row, list.children[index] ?? null);
    });
  }
}

function solver(times) {
  if (times.last_search === "switched off") return t("ops.solver.off");
  if (times.searches_failed >= 3) return t("ops.solver.down");
  return times.searches ? t("ops.solver.improved", { part: times.searches_improved, all: times.searches }) : t("ops.solver.idle");
}
