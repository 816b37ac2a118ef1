// What a trip's state means for what its rider sees and may do.

import { t } from "../shared/i18n.js";

const ASKED = ["requested", "offered"];
const PROMISED = ["accepted", "assigned", "boarding", "aboard"];

export const UNDER_WAY = new Set(PROMISED);
/** Not ended. */
export const OPEN = new Set([...ASKED, ...PROMISED]);
export const MAY_CANCEL = new Set(["requested", "offered", "accepted", "assigned", "boarding"]);

const ON_ITS_WAY_S = 20 * 60; // a shuttle that comes later than this is not yet on its way

/** A shuttle is chosen, but it has other things to do before it sets out. */
export function isForLater({ state, pickup_expected: expected }, time) {
  return state === "assigned" && Boolean(expected) && time.secondsTo(expected) > ON_ITS_WAY_S;
}

/** The text that says how the trip stands. */
export const headingOf = (trip, time) => t(isForLater(trip, time) ? "trip.heading.assigned_later" : `trip.heading.${trip.state}`);
