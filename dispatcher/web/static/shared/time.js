// The zone's time: its clock, which may run faster than ours, and its time zone.

import { language, t, tn } from "./i18n.js";

export class ZoneTime {
  #zone = Date.now();
  #speed = 1;
  #read = performance.now();
  #formats = new Map();

  constructor(timezone, clock) {
    this.timezone = timezone;
    this.set(clock);
  }

  /** From the API's clock: `now` and `speed`. */
  set({ now, speed }) {
    this.#zone = Date.parse(now);
    this.#speed = speed;
    this.#read = performance.now();
  }

  get speed() {
    return this.#speed;
  }

  /** Milliseconds since 1970, of the zone. */
  now() {
    return this.#zone + (performance.now() - this.#read) * this.#speed;
  }

  /** Seconds of the zone from now to then. */
  secondsTo(at) {
    return (Date.parse(at) - this.now()) / 1000;
  }

  /** As 8:05 AM; with the day where that is not today. */
  time(at) {
    const date = asDate(at);
    return this.#format(this.#isToday(date) ? CLOCK : DAY_AND_CLOCK).format(date);
  }

  /** As 8:05–8:10 AM. */
  span(from, to) {
    const [first, last] = [asDate(from), asDate(to)];
    const format = this.#format(this.#isToday(first) ? CLOCK : DAY_AND_CLOCK);
    return format.formatRange(first, last);
  }

  /** With date and seconds, as records are kept. */
  exact(at) {
    return this.#format(TO_THE_SECOND).format(asDate(at));
  }

  clock() {
    return this.#format(CLOCK).format(new Date(this.now()));
  }

  /** As "in 4 min", "now" or "3 min ago". */
  fromNow(at) {
    const minutes = Math.round(this.secondsTo(at) / 60);
    if (minutes === 0) return t("time.now");
    return minutes > 0 ? tn("time.in_minutes", minutes) : tn("time.minutes_ago", -minutes);
  }

  /** The zone's date and time of day, as fields take them: 2026-03-01 and 08:05. */
  fields(at) {
    const parts = Object.fromEntries(
      this.#format(NUMBERS, "en-CA").formatToParts(asDate(at)).map(({ type, value }) => [type, value]),
    );
    return {
      date: `${parts.year}-${parts.month}-${parts.day}`,
      time: `${parts.hour}:${parts.minute}`,
    };
  }

  /** The instant at which the zone's clocks show this, as the API takes it. */
  instant(date, time) {
    const shown = Date.parse(`${date}T${time}:00Z`);
    // The offset at about that time, and once more at the time that this gives.
    let at = shown;
    for (let turn = 0; turn < 2; turn += 1) {
      const there = this.fields(at);
      at += shown - Date.parse(`${there.date}T${there.time}:00Z`);
    }
    return new Date(at).toISOString();
  }

  #isToday(date) {
    return this.fields(date).date === this.fields(this.now()).date;
  }

  #format(options, locale = language) {
    const key = `${locale}${JSON.stringify(options)}`;
    let made = this.#formats.get(key);
    if (!made) {
      made = new Intl.DateTimeFormat(locale, { ...options, timeZone: this.timezone });
      this.#formats.set(key, made);
    }
    return made;
  }
}

const CLOCK = { hour: "numeric", minute: "2-digit" };
const TO_THE_SECOND = {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
};
const DAY_AND_CLOCK = { month: "short", day: "numeric", weekday: "short", ...CLOCK };
const NUMBERS = {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
};

const asDate = (at) => (at instanceof Date ? at : new Date(at));

/** As 350 m or 1.2 km. */
export function distance(metres) {
  const [value, unit] = metres < 1000 ? [Math.round(metres / 10) * 10, "meter"] : [metres / 1000, "kilometer"];
  return new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: 1 }).format(value);
}

/** Minutes on foot, at 70 m a minute and never less than one. */
export const walkMinutes = (metres) => Math.max(1, Math.round(metres / 70));

/** Metres between two places, as the crow flies; right to a percent within a city. */
export function metresBetween(one, other) {
  const north = (other.lat - one.lat) * 111_200;
  const east = (other.lon - one.lon) * 111_320 * Math.cos((one.lat * Math.PI) / 180);
  return Math.hypot(north, east);
}
