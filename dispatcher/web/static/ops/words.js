// Names, states and numbers of the console, in the page's language.

import { language, named, t, tn } from "../shared/i18n.js";

/** What is written large on a shuttle: the digits at the end of its id. */
export function shuttleNumber(id) {
  const serial = id.split(":").at(-1);
  const digits = serial.match(/\d+$/);
  return digits ? String(Number(digits[0])) : serial;
}

export const shuttleName = (id) => t("ops.shuttle", { number: shuttleNumber(id) });

/** Trips' ids are long; their beginning tells them apart on a screen. */
export const tripName = (id) => t("ops.trip", { id: id.slice(0, 6) });

export function stopName(store, id) {
  const stop = store.stops.get(id);
  return stop ? named(stop.names) : id;
}

export function streetName(store, edge) {
  const street = store.streets.get(edge) ?? store.zone.streets.find(({ reverse }) => reverse === edge);
  return (street && named(street.names)) || t("ops.unnamed_street", { id: edge });
}

/** What a shuttle is doing, and how it is told by colour: good, calm, warn or bad. */
export function standing(shuttle) {
  if (shuttle.silent) return { word: t("ops.status.offline"), tone: "bad" };
  const word = t(`ops.status.${shuttle.status}`);
  if (shuttle.status === "faulted") return { word, tone: "bad" };
  if (shuttle.status === "held" || shuttle.status === "manual") return { word, tone: "warn" };
  if (shuttle.withdrawn) return { word: t("ops.withdrawn_too", { status: word }), tone: "warn" };
  if (shuttle.status === "driving" || shuttle.status === "dwelling") return { word, tone: "good" };
  return { word, tone: "calm" };
}

export const load = ({ aboard, capacity }) =>
  t("ops.load", { aboard: aboard.seats + aboard.wheelchairs, places: capacity.seats + capacity.wheelchairs });

const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
export const pct = (value) => percent.format(value / 100);

const decimal = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
export const number = (value) => decimal.format(value);

/** As "4 min 10 s", or "-2 min"; never a bare number. */
export function span(seconds) {
  const whole = Math.abs(Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  const parts = [];
  if (minutes) parts.push(t("ops.minutes", { count: minutes }));
  if (whole % 60 && minutes < 10) parts.push(t("ops.seconds", { count: whole % 60 }));
  const text = parts.join(" ") || t("ops.seconds", { count: 0 });
  return seconds <= -0.5 ? t("ops.minus", { span: text }) : text;
}

/** As "3 min later" or "20 s earlier". */
export const shift = (seconds) =>
  t(seconds > 0 ? "ops.later" : "ops.earlier", { span: span(Math.abs(seconds)) });

export const people = ({ seats, wheelchairs }) =>
  [
    seats ? tn("ops.riders", seats) : "",
    wheelchairs ? tn("ops.wheelchairs", wheelchairs) : "",
  ].filter(Boolean).join(", ");

export const ENDED = new Set([
  "completed", "refused", "expired", "cancelled_by_rider", "cancelled_by_operator", "no_show", "abandoned",
]);

/** Seconds that are left of the promise by the expected times; null without one. */
export function slack(trip, now) {
  const { promise, state } = trip;
  if (!promise || ENDED.has(state) || state === "offered") return null;
  const left = [];
  if (state !== "aboard") {
    const expected = trip.pickup_expected ? Date.parse(trip.pickup_expected) : now;
    left.push(Date.parse(promise.window.closes) - Math.max(now, expected));
  }
  if (trip.dropoff_expected) {
    left.push(Date.parse(promise.dropoff_latest) - Math.max(now, Date.parse(trip.dropoff_expected)));
  }
  return left.length ? Math.min(...left) / 1000 : null;
}
