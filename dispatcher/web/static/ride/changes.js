// What a new status changes for the rider, in the order in which it is told.

import { shuttleNumber } from "./names.js";

const NOTICED_MS = 60_000;

/** Each with `when`, and a `text` of the dispatcher's or a `key` with its values. */
export function changesBetween(before, after) {
  const when = after.at;
  const changes = [];
  if (before && after.shuttle && before.shuttle !== after.shuttle) {
    const number = shuttleNumber(after.shuttle);
    changes.push(
      before.shuttle
        ? { when, key: "trip.change.other_shuttle", number, before: shuttleNumber(before.shuttle) }
        : { when, key: "trip.change.shuttle", number },
    );
  }
  const [was, is] = [before?.pickup_expected, after.pickup_expected];
  const waits = after.state === "accepted" || after.state === "assigned";
  if (waits && was && is && Math.abs(Date.parse(was) - Date.parse(is)) >= NOTICED_MS) {
    changes.push({ when, key: "trip.change.pickup", at: is, beforeAt: was });
  }
  // The headline says already that the shuttle has come.
  if (after.reason && after.reason !== before?.reason && after.state !== "boarding") {
    const isAboutPickup = changes.some(({ key }) => key === "trip.change.pickup");
    if (!(isAboutPickup && after.reason.startsWith("Your pickup is expected"))) changes.push({ when, text: after.reason });
  }
  return changes;
}
