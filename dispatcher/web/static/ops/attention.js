// What an operator should look at now: alerts that were told, and what is plainly wrong as it stands.
// Each says what to do, and whether it is over.

import { t } from "../shared/i18n.js";
import { ENDED, shuttleName, slack, stopName, tripName } from "./words.js";

const LOW_PCT = 15;
const SOLVER_FAILED = 3;
const GRAVE = new Set([
  "shuttle_silent", "shuttle_fault", "promise_late", "promise_breached", "rider_stranded", "solver_down",
  "store_unsafe", "epoch_behind", "event_set_aside", "no_shuttle",
]);

/** Newest first, what is not over before what is: {key, kind, grave, over, atMs, about, what, todo, subject}. */
export function attention(store) {
  const now = store.time.now();
  const found = new Map();
  const add = (kind, subject, atMs, over, detail = "") => {
    const key = `${kind} ${subject ? subject.id : ""}`;
    const known = found.get(key);
    if (known) {
      known.times += 1;
      return;
    }
    found.set(key, { key, kind, subject, atMs, over, detail, times: 1, grave: GRAVE.has(kind) });
  };
  for (const shuttle of store.shuttles.values()) {
    const subject = { kind: "shuttle", id: shuttle.id };
    if (shuttle.silent) add("shuttle_silent", subject, shuttle.heardMs, false);
    if (shuttle.status === "faulted") add("shuttle_fault", subject, shuttle.heardMs, false, shuttle.faults.map(({ kind }) => kind).join(", "));
    if (shuttle.battery_pct < LOW_PCT && !shuttle.charging) add("low_battery", subject, shuttle.heardMs, false);
  }
  for (const trip of store.trips.values()) {
    const left = slack(trip, now);
    if (left !== null && left < 0) add("promise_late", { kind: "trip", id: trip.trip }, now + left * 1000, false);
    else if (trip.promise && !trip.shuttle && ["accepted", "assigned"].includes(trip.state)) add("no_shuttle", { kind: "trip", id: trip.trip }, Date.parse(trip.asked), false);
  }
  if ((store.figures?.times.searches_failed ?? 0) >= SOLVER_FAILED) add("solver_down", null, now, false);
  for (const alert of store.alerts) {
    add(alert.kind, subjectOf(alert), Date.parse(alert.at), isOver(store, alert), alert.text);
  }
  return [...found.values()].sort((one, other) =>
    Number(one.over) - Number(other.over) || Number(other.grave) - Number(one.grave) || other.atMs - one.atMs || (one.key < other.key ? -1 : 1));
}

function subjectOf({ stop, trip, shuttle }) {
  if (stop) return { kind: "stop", id: stop };
  if (trip) return { kind: "trip", id: trip };
  return shuttle ? { kind: "shuttle", id: shuttle } : null;
}

/** Told once, an alert stays in the list; this says whether it still holds. */
function isOver(store, { kind, over, shuttle: shuttleId, trip: tripId }) {
  const shuttle = store.shuttles.get(shuttleId);
  const trip = store.trips.get(tripId);
  if (tripId && (!trip || ENDED.has(trip.state))) return true;
  switch (kind) {
    case "shuttle_silent": return !shuttle?.silent;
    case "shuttle_fault": return shuttle?.status !== "faulted";
    case "low_battery": return !shuttle || shuttle.charging || shuttle.battery_pct >= 2 * LOW_PCT;
    case "solver_down": return (store.figures?.times.searches_failed ?? 0) < SOLVER_FAILED;
    case "plan_refused": return shuttle ? shuttle.plan.confirmed_revision >= shuttle.plan.revision : true;
    case "stop_crowded": return over;
    default: return false;
  }
}

export function aboutWhat(store, subject) {
  if (!subject) return t("ops.about_zone");
  if (subject.kind === "trip") return tripName(subject.id);
  if (subject.kind === "stop") return stopName(store, subject.id);
  return shuttleName(subject.id);
}
