// What is known of the zone: a snapshot, and what has changed since. Views are told of changes
// once per frame of the screen, however many events have come.

export class Store {
  shuttles = new Map();
  trips = new Map();
  alerts = [];
  closures = { edges: [], stops: [] };
  figures = null;
  selected = null; // {kind, id}
  #listeners = [];
  #changed = new Set();
  #frame = 0;

  constructor(zone, time) {
    this.zone = zone;
    this.time = time;
    this.stops = new Map(zone.stops.map((stop) => [stop.id, stop]));
    this.streets = new Map(zone.streets.map((street) => [street.id, street]));
  }

  /** `listener` hears a set of what has changed: shuttles, places, trips, alerts, closures, figures, selected. */
  listen(listener) {
    this.#listeners.push(listener);
  }

  /** By kind of event, for the live stream. */
  get handlers() {
    return {
      snapshot: (all) => this.#snapshot(all),
      clock: (clock) => this.time.set(clock),
      shuttle: (shuttle) => {
        this.#keep(shuttle);
        this.touch("shuttles");
      },
      places: (rows) => this.#move(rows),
      trip: (trip) => {
        this.trips.set(trip.trip, trip);
        this.touch("trips");
      },
      alert: (alert) => {
        // Told of again when it is over.
        const at = this.alerts.findIndex(({ number }) => number === alert.number);
        if (at >= 0) this.alerts[at] = alert;
        else this.alerts = [alert, ...this.alerts].slice(0, 200);
        this.touch("alerts");
      },
      closures: (closures) => {
        this.closures = closures;
        this.touch("closures");
      },
    };
  }

  setFigures(figures) {
    this.figures = figures;
    this.touch("figures");
  }

  /** Shows a shuttle, trip, stop or street in the details; null: nothing. */
  select(kind, id) {
    this.selected = kind ? { kind, id } : null;
    this.touch("selected");
  }

  touch(what) {
    this.#changed.add(what);
    // A page in the background draws no frames, and needs none.
    if (!this.#frame) this.#frame = requestAnimationFrame(this.#tell);
  }

  #tell = () => {
    this.#frame = 0;
    const changed = this.#changed;
    this.#changed = new Set();
    for (const listener of this.#listeners) listener(changed);
  };

  #snapshot({ clock, shuttles, trips, alerts, closures }) {
    this.time.set(clock);
    this.shuttles = new Map();
    for (const shuttle of shuttles) this.#keep(shuttle);
    this.trips = new Map(trips.map((trip) => [trip.trip, trip]));
    this.alerts = alerts;
    this.closures = closures;
    for (const what of ["shuttles", "places", "trips", "alerts", "closures", "selected"]) this.touch(what);
  }

  #keep(shuttle) {
    const { place } = shuttle;
    const known = this.shuttles.get(shuttle.id);
    shuttle.heardMs = Date.parse(shuttle.last_heard);
    shuttle.arrivalMs = shuttle.next_arrival ? Date.parse(shuttle.next_arrival) : null;
    shuttle.from = known ? known.from : place;
    shuttle.movedAt = known ? known.movedAt : -Infinity;
    this.shuttles.set(shuttle.id, shuttle);
  }

  /** Rows of id, latitude, longitude, heading, driving, last heard, battery, next arrival. */
  #move(rows) {
    const now = performance.now();
    for (const [id, lat, lon, heading, driving, heard, battery, arrival] of rows) {
      const shuttle = this.shuttles.get(id);
      if (!shuttle) continue; // it is about to be told of as a whole
      shuttle.from = placeNow(shuttle, now);
      shuttle.movedAt = now;
      shuttle.place = { lat, lon, heading_deg: heading, driving };
      shuttle.heardMs = heard * 1000;
      shuttle.battery_pct = battery;
      shuttle.arrivalMs = arrival === null ? null : arrival * 1000;
    }
    this.touch("places");
  }
}

const MOVES_IN_MS = 900; // news come about once a second

/** Where to draw a shuttle: on its way from where it was drawn to where it is. */
export function placeNow({ from, place, movedAt }, now) {
  const part = (now - movedAt) / MOVES_IN_MS;
  if (!(part < 1)) return place;
  return {
    lat: from.lat + (place.lat - from.lat) * part,
    lon: from.lon + (place.lon - from.lon) * part,
    heading_deg: place.heading_deg,
  };
}

export const isMoving = ({ movedAt }, now) => now - movedAt < MOVES_IN_MS;
