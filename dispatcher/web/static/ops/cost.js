// A cost in plain words: which promises move, for whom, and by how much.

import { el } from "../shared/dom.js";
import { t, tn } from "../shared/i18n.js";
import { distance } from "../shared/time.js";
import { refusalNotice } from "./notices.js";
import { people, shift, shuttleName, span, stopName, tripName } from "./words.js";

const WORTH_SAYING_S = 15;
const MOST = 30;

export function costNotes(store, cost, command) {
  if (cost.refusal) return refusalNotice(store, cost.refusal);
  const harmed = cost.trips.filter(({ harm }) => harm);
  const shifted = cost.trips.filter((trip) => !trip.harm && (trip.moves || moved(trip)));
  const counts = ["ended", "new_promise", "without_shuttle"]
    .map((harm) => [harm, harmed.filter((trip) => trip.harm === harm).length])
    .filter(([, count]) => count);
  return [
    harmed.length
      ? el("div.notice.bad", {}, el("strong", {}, tn("ops.cost_harmed", harmed.length)),
          el("p", {}, counts.map(([harm, count]) => tn(`ops.harm_count.${harm}`, count)).join(" · ")))
      : el("p.notice", {}, el("strong", {}, t("ops.cost_none"))),
    harmed.length > 0 && list(store, harmed, t("ops.cost_harmed_list")),
    shifted.length > 0 && el("p", {}, tn("ops.cost_shifted", shifted.length)),
    shifted.length > 0 && list(store, shifted, t("ops.cost_shifted_list")),
    el("ul.cost-rest", {},
      command.kind === "hold_shuttle" && el("li", {}, cost.stands_s === undefined ? t("ops.stands_long") : t("ops.stands", { span: span(cost.stands_s) })),
      Math.abs(cost.driven_m) >= 50 && el("li", {}, t(cost.driven_m > 0 ? "ops.driven_more" : "ops.driven_less", { distance: distance(Math.abs(cost.driven_m)) })),
      cost.shuttles.length > 0 && el("li", {}, tn("ops.cost_shuttles", cost.shuttles.length, { names: names(cost.shuttles) })),
      el("li.soft", {}, t("ops.cost_at", { time: store.time.time(cost.at) }))),
  ];
}

const moved = ({ pickup_later_s: pickup = 0, dropoff_later_s: dropoff = 0 }) =>
  Math.abs(pickup ?? 0) >= WORTH_SAYING_S || Math.abs(dropoff ?? 0) >= WORTH_SAYING_S;

function names(shuttles) {
  const shown = shuttles.slice(0, 5).map(shuttleName).join(", ");
  return shuttles.length > 5 ? t("ops.and_more", { text: shown, count: shuttles.length - 5 }) : shown;
}

function list(store, trips, label) {
  return el("ul.cost-list", { "aria-label": label },
    trips.slice(0, MOST).map((trip) => el("li", {}, el("strong", {}, heading(store, trip)), el("p", {}, change(store, trip)))),
    trips.length > MOST && el("li.soft", {}, t("ops.more_trips", { count: trips.length - MOST })));
}

function heading(store, { trip, before }) {
  const { promise } = before;
  if (!promise) return tripName(trip);
  return `${tripName(trip)} · ${people(promise.party)} · ${stopName(store, promise.pickup)} → ${stopName(store, promise.dropoff)}`;
}

function change(store, { harm, cause, moves, before, after, pickup_later_s: pickup, dropoff_later_s: dropoff }) {
  const { time } = store;
  const said = [];
  if (harm === "ended") said.push(t("ops.harm.ended"));
  if (harm === "without_shuttle") said.push(t("ops.harm.without_shuttle"));
  if (harm === "new_promise") said.push(`${t("ops.harm.new_promise")} ${newPromise(store, before.promise, after.promise)}.`);
  if (moves && after.shuttle) said.push(before.shuttle ? t("ops.moves", { from: shuttleName(before.shuttle), to: shuttleName(after.shuttle) }) : t("ops.gets", { to: shuttleName(after.shuttle) }));
  if (harm !== "ended" && harm !== "new_promise") {
    if (pickup && Math.abs(pickup) >= WORTH_SAYING_S) said.push(t("ops.pickup_shift", { shift: shift(pickup), time: time.time(after.pickup) }));
    if (dropoff && Math.abs(dropoff) >= WORTH_SAYING_S) said.push(t("ops.dropoff_shift", { shift: shift(dropoff), time: time.time(after.dropoff) }));
    if (!harm) said.push(t("ops.within_promise"));
  }
  if (cause) said.push(t("ops.recorded_as", { cause: t(`ops.cause.${cause}`) }));
  return said.join(" ");
}

/** What is otherwise in the new promise, as far as a clock shows it. */
function newPromise(store, before, after) {
  const { time } = store;
  const told = (promise) => ({
    window: time.span(promise.window.opens, promise.window.closes),
    latest: time.time(promise.dropoff_latest),
    pickup: stopName(store, promise.pickup),
    dropoff: stopName(store, promise.dropoff),
  });
  const [was, is] = [told(before), told(after)];
  const changes = Object.keys(is).filter((part) => was[part] !== is[part])
    .map((part) => t(`ops.new.${part}`, { before: was[part], after: is[part] }));
  return changes.join(", ") || t("ops.new.same");
}
