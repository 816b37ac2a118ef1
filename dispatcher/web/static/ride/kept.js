// What the browser keeps of a trip, so that a rider who closes the page finds it again.
// All of it can fail, in a private window for one, and nothing depends on it.

const TRIP = "ringmaster.trip";
const changesOf = (link) => `ringmaster.changes.${link}`;

const safely = (act) => {
  try {
    return act();
  } catch {
    return null;
  }
};

/** The link of the trip under way. */
export const keptTrip = () => safely(() => localStorage.getItem(TRIP));
export const keepTrip = (link) => safely(() => localStorage.setItem(TRIP, link));

/** The trip has ended: nothing of it stays. */
export function forgetTrip(link) {
  safely(() => {
    if (localStorage.getItem(TRIP) === link) localStorage.removeItem(TRIP);
    localStorage.removeItem(changesOf(link));
  });
}

/** What changed so far, as this browser has seen it. */
export const keptChanges = (link) => safely(() => JSON.parse(localStorage.getItem(changesOf(link)))) ?? [];
export const keepChanges = (link, changes) =>
  safely(() => localStorage.setItem(changesOf(link), JSON.stringify(changes)));
