// Why a trip was answered as it was: the shuttles considered, the best that each could do, what
// stood in the way, and what the choice cost, term by term.

import { get } from "../shared/api.js";
import { byId, el, refill } from "../shared/dom.js";
import { has, t } from "../shared/i18n.js";
import { happened, notDone, notTaking, toldRider } from "./happened.js";
import { number, people, shuttleName, span, stopName, tripName } from "./words.js";

const SHUTTLES = 60;
const COLUMNS = ["shuttle", "verdict", "pickup", "dropoff", "cost", "delays"];
const TOLD_TO_ALL = COLUMNS.slice(0, 2); // also where the rest would tell where the rider is
const COULD = new Set(["chosen", "tied", "dearer", "crowded"]);

export class WhyDialog {
  #store;
  #trip;

  constructor(store, trip) {
    this.#store = store;
    this.#trip = trip;
  }

  async open() {
    const before = document.activeElement?.id;
    this.body = el("div.stack", { "aria-live": "polite" }, el("p.soft", {}, t("ops.why_working")));
    const dialog = el("dialog.card.why", { "aria-labelledby": "why-heading" },
      el("div.detail-head", {}, el("h2", { id: "why-heading", tabindex: "-1" }, t("ops.why_heading", { trip: tripName(this.#trip) })),
        el("button.button.small", { type: "button", id: "why-close", onclick: () => dialog.close() }, t("ops.close"))),
      this.body);
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before) byId(before)?.focus();
    });
    document.body.append(dialog);
    dialog.showModal();
    byId("why-heading").focus();
    try {
      const why = await get(`/v1/trips/${encodeURIComponent(this.#trip)}/why?shuttles=${SHUTTLES}`);
      this.body.removeAttribute("aria-live");
      refill(this.body, this.#told(why));
    } catch (error) {
      const { code } = error;
      refill(this.body, el("p.notice.bad", {}, t(has(`ops.problem.${code}`) ? `ops.problem.${code}` : "ops.problem.other")));
    }
  }

  #told(why) {
    const [asked, ...later] = why.steps;
    const searches = why.steps.flatMap(({ searches }) => searches);
    const holder = el("div.stack");
    const show = (search) => refill(holder, this.#search(why, search));
    const choice = searches.length > 1 && el("div.field", {},
      el("label", { for: "why-search" }, t("ops.why_search")),
      el("select", { id: "why-search", onchange: (event) => show(searches[Number(event.target.value)]) },
        searches.map((search, index) => el("option", { value: index }, `${this.#time(search.at_s)} · ${t(`ops.purpose.${search.purpose}`)}`))));
    if (searches.length) show(searches[0]);
    return [
      el("p", {}, el("strong", {}, this.#answer(why, asked))),
      choice, holder,
      later.length > 0 && el("section.stack", {}, el("h3", {}, t("ops.story")),
        el("ol.story", {}, later.map((step) => el("li", {}, el("time.number", {}, this.#time(step.at_s)),
          el("div", {}, el("p", {}, happened(this.#store, step.happened)), el("p", {}, notDone(step)), el("p.soft", {}, toldRider(step))))))),
    ];
  }

  #answer({ refusal, offers, request }, asked) {
    const who = people(request.party);
    if (refusal) return t("ops.why_refused", { who, reason: t(`ops.refusal.${refusal.reason}`) });
    const search = asked.searches[0];
    if (!search?.chosen) return t("ops.why_asked", { who });
    return t("ops.why_chosen", { who, shuttle: shuttleName(search.chosen), offers: offers.length });
  }

  #search(why, search) {
    const could = search.answers.filter(({ verdict }) => COULD.has(verdict)).length;
    const chosen = search.answers.find(({ verdict }) => verdict === "chosen");
    const stop = (id) => stopName(this.#store, id);
    return [
      why.blurred && el("p.notice", {}, t("ops.why_blurred")),
      el("p", {}, t("ops.why_considered", { count: search.considered, could }),
        search.binding ? ` ${t("ops.why_binds", { constraint: t(`ops.binding.${search.binding}`) })}` : ""),
      chosen?.placement && this.#price(chosen, stop),
      el("div.scroll.why-table", { tabindex: "0", role: "region", "aria-label": t("ops.why_shuttles") },
        el("table", {}, el("caption.only-heard", {}, t("ops.why_shuttles")),
          el("thead", {}, el("tr", {}, (why.blurred ? TOLD_TO_ALL : COLUMNS).map((key) =>
            el("th", { scope: "col", class: ["cost"].includes(key) ? "number" : null }, t(`ops.column.${key}`))))),
          el("tbody", {}, search.answers.map((answer) => this.#row(answer, stop, why.blurred))))),
      search.considered > search.answers.length && el("p.soft", {}, t("ops.why_more", { count: search.considered - search.answers.length })),
    ];
  }

  #row(answer, stop, blurred) {
    const { placement } = answer;
    return el(answer.verdict === "chosen" ? "tr.chosen" : "tr", {},
      el("th", { scope: "row" }, shuttleName(answer.shuttle_id)),
      el("td", {}, t(`ops.verdict.${answer.verdict}`), this.#because(answer)),
      !blurred && el("td", {}, placement ? `${this.#time(placement.pickup_s)} ${stop(placement.pickup_stop)}` : answer.nearest_pickup_s ? t("ops.soonest", { time: this.#time(answer.nearest_pickup_s) }) : "–"),
      !blurred && el("td", {}, placement ? `${this.#time(placement.dropoff_s)} ${stop(placement.dropoff_stop)}` : "–"),
      !blurred && el("td.number", {}, placement ? points(placement.price.total_milli) : "", answer.over_best_milli ? ` (+${points(answer.over_best_milli)})` : ""),
      !blurred && el("td", {}, placement?.delays.length ? placement.delays.map(({ trip_id, dropoff_s }) => t("ops.delays", { trip: tripName(trip_id), span: span(dropoff_s) })).join(", ") : ""));
  }

  #because({ binding, reasons, nearest_ride_s }) {
    if (binding) return `: ${t(`ops.binding.${binding}`)}${nearest_ride_s ? ` (${span(nearest_ride_s)})` : ""}`;
    return reasons.length ? `: ${reasons.map(notTaking).join(", ")}` : "";
  }

  #price({ shuttle_id, placement }) {
    return el("section.stack", {}, el("h3", {}, t("ops.why_cost", { shuttle: shuttleName(shuttle_id) })),
      el("table.terms", {}, el("caption.only-heard", {}, t("ops.why_cost", { shuttle: shuttleName(shuttle_id) })),
        el("thead", {}, el("tr", {}, ["term", "own", "others", "price", "cost"].map((key) =>
          el("th", { scope: "col", class: key === "term" ? null : "number" }, t(`ops.column.${key}`))))),
        el("tbody", {}, placement.price.terms.map((term) => el("tr", {},
          el("th", { scope: "row" }, t(`ops.term.${term.term}`)),
          el("td.number", {}, span(term.own_s)), el("td.number", {}, span(term.others_s)),
          el("td.number", {}, number(term.price_milli_per_s / 1000)), el("td.number", {}, points(term.cost_milli)))),
          el("tr.sum", {}, el("th", { scope: "row", colspan: "4" }, t("ops.sum")), el("td.number", {}, points(placement.price.total_milli))))));
  }

  #time(at_s) {
    return this.#store.time.time(at_s * 1000);
  }
}

const points = (milli) => number(milli / 1000);
