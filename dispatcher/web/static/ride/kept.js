// What the browser keeps of a trip, so that a rider who closes the page finds it again.
// All of it can fail, in a private window for one, and nothing depends on it.

const TRIP = "ringmaster.trip";
const CHANGES = "ringmaster.changes.";
const WISH = "ringmaster.wish";

const safely = (act) => {
  try {
    return act();
  } catch {
    return null;
  }
};

/** The link of a guest's trip under way. */
export const keptTrip = () => safely(() => localStorage.getItem(TRIP));

export function keepTrip({ own, id }) {
  if (!own) safely(() => localStorage.setItem(TRIP, id)); // own ones are in the rider's list
}

/** The trip has ended: nothing of it stays. */
export function forgetTrip(way) {
  safely(() => {
    if (!way.own && localStorage.getItem(TRIP) === way.id) localStorage.removeItem(TRIP);
    placeOf(way).removeItem(CHANGES + way.id);
  });
}

/** What changed so far, as this browser has seen it. */
export const keptChanges = (way) => safely(() => JSON.parse(placeOf(way).getItem(CHANGES + way.id))) ?? [];
export const keepChanges = (way, changes) =>
  safely(() => placeOf(way).setItem(CHANGES + way.id, JSON.stringify(changes)));

/** What was filled in, while the browser is at the issuer's pages, from which it comes back to `path`. */
export const keepWish = (wish, path) =>
  safely(() => {
    sessionStorage.removeItem(WISH);
    if (wish) sessionStorage.setItem(WISH, JSON.stringify({ wish, path }));
  });

/** Found once, and only by the page that it was kept for: who opens another has given up. */
export const keptWish = (path) =>
  safely(() => {
    const kept = JSON.parse(sessionStorage.getItem(WISH));
    sessionStorage.removeItem(WISH);
    return kept.path === path ? kept.wish : null;
  });

/** Who was logged in leaves; the next in front of this screen may be somebody else. */
export function forgetOwn() {
  safely(() => {
    sessionStorage.removeItem(WISH);
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(CHANGES)) sessionStorage.removeItem(key);
  });
}

/** What is of a login goes with the window; what has a link is found again by it. */
const placeOf = ({ own }) => (own ? sessionStorage : localStorage);
