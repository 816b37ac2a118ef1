// A table that can be sorted, searched and paged; only the rows of the page are there, and only
// cells that have changed are written again.

import { el, setText } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

const ROWS = 25;

/**
 * `columns`: {key, label, text(row), sort(row)?, number?, tone(row)?}. The first column's cells are
 * buttons that choose the row. `rows()` gives {id, …}; `words(row)` what is searched.
 */
export class Table {
  #columns;
  #rows;
  #onChoose;
  #words;
  #sort;
  #down;
  #page = 0;
  #sought = "";
  #kept = new Map();

  constructor(name, { columns, rows, onChoose, words, sort, down = false, filters = null }) {
    this.#columns = columns;
    this.#rows = rows;
    this.#onChoose = onChoose;
    this.#words = words;
    this.#sort = sort;
    this.#down = down;
    this.body = el("tbody");
    this.heads = columns.map((column) =>
      el("th", { scope: "col", class: column.number ? "number" : null },
        el("button", { type: "button", onclick: () => this.#sortBy(column.key) }, column.label)));
    this.count = el("span.soft");
    const search = el("input", {
      type: "search", "aria-label": t("ops.search_in", { table: name }), placeholder: t("ops.search"),
      oninput: (event) => {
        this.#sought = event.target.value.trim().toLocaleLowerCase();
        this.#page = 0;
        this.render();
      },
    });
    const turn = (by, label, sign) =>
      el("button.button.small", { type: "button", "aria-label": label, onclick: () => this.#turn(by) }, sign);
    this.element = el("div.table-side", {},
      el("div.row.table-tools", {}, filters, search, this.count,
        el("span.pages", {}, turn(-1, t("ops.page_before"), "‹"), turn(1, t("ops.page_after"), "›"))),
      el("div.scroll", { tabindex: "0", role: "region", "aria-label": name },
        el("table", {}, el("caption.only-heard", {}, name), el("thead", {}, el("tr", {}, this.heads)), this.body)));
    this.#showSort();
  }

  first() {
    this.#page = 0;
    this.render();
  }

  render(selected = null) {
    const all = this.#rows().filter((row) => !this.#sought || this.#words(row).toLocaleLowerCase().includes(this.#sought));
    const column = this.#columns.find(({ key }) => key === this.#sort);
    const value = column.sort ?? column.text;
    const sign = this.#down ? -1 : 1;
    all.sort((one, other) => sign * compare(value(one), value(other)) || compare(one.id, other.id));
    const pages = Math.max(1, Math.ceil(all.length / ROWS));
    this.#page = Math.min(this.#page, pages - 1);
    const from = this.#page * ROWS;
    const page = all.slice(from, from + ROWS);
    setText(this.count, all.length
      ? t("ops.rows_of", { from: from + 1, to: from + page.length, all: all.length })
      : t("ops.no_rows"));
    const seen = new Set(page.map(({ id }) => id));
    for (const [id, kept] of this.#kept) {
      if (seen.has(id)) continue;
      kept.row.remove();
      this.#kept.delete(id);
    }
    page.forEach((row, index) => {
      const kept = this.#kept.get(row.id) ?? this.#made(row);
      kept.columns.forEach(([column, cell, holder]) => {
        setText(holder, String(column.text(row) ?? ""));
        const tone = column.tone?.(row) ?? "";
        if (cell.dataset.tone !== tone) cell.dataset.tone = tone;
      });
      const chosen = String(row.id === selected);
      if (kept.button.getAttribute("aria-pressed") !== chosen) {
        kept.button.setAttribute("aria-pressed", chosen);
        kept.row.classList.toggle("chosen", row.id === selected);
      }
      if (this.body.children[index] !== kept.row) this.#put(kept.row, index);
    });
  }

  /** Moving a row takes the focus from what is in it. */
  #put(row, index) {
    const focused = row.contains(document.activeElement) ? document.activeElement : null;
    this.body.insertBefore(row, this.body.children[index] ?? null);
    focused?.focus({ preventScroll: true });
  }

  #made(row) {
    const button = el("button.choose", { type: "button", onclick: () => this.#onChoose(row.id) });
    const columns = this.#columns.map((column, index) => {
      const cell = el(index ? "td" : "th", { scope: index ? null : "row", class: column.number ? "number" : null }, index ? null : button);
      return [column, cell, index ? cell : button];
    });
    const kept = {
      button, columns,
      row: el("tr", { onclick: (event) => event.target.closest("button") || this.#onChoose(row.id) }, columns.map(([, cell]) => cell)),
    };
    this.#kept.set(row.id, kept);
    return kept;
  }

  #sortBy(key) {
    this.#down = this.#sort === key && !this.#down;
    this.#sort = key;
    this.#page = 0;
    this.#showSort();
    this.render();
  }

  #showSort() {
    this.#columns.forEach(({ key }, index) => {
      if (key === this.#sort) this.heads[index].setAttribute("aria-sort", this.#down ? "descending" : "ascending");
      else this.heads[index].removeAttribute("aria-sort");
    });
  }

  #turn(by) {
    this.#page = Math.max(0, this.#page + by);
    this.render();
  }
}

/** Numbers by size, texts by language, nothing last. */
function compare(one, other) {
  if (one === other) return 0;
  if (one === null || one === undefined) return 1;
  if (other === null || other === undefined) return -1;
  if (typeof one === "number" && typeof other === "number") return one - other;
  return collator.compare(String(one), String(other));
}

const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
