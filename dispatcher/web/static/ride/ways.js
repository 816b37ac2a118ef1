// How a trip is asked for and followed: a guest has a link for each, who is logged in has the trips
// themselves.

import { post } from "../shared/api.js";

/** The trip of a guest's link; who else has the link may do the same. */
export const guestTrip = (link) => ({
  id: link, own: false, path: `/v1/guest/trips/${encodeURIComponent(link)}`, page: `/t/${encodeURIComponent(link)}`,
});

/** A trip of who is logged in. */
export const ownTrip = (trip) => ({
  id: trip, own: true, path: `/v1/trips/${encodeURIComponent(trip)}`, page: `/ride/trip/${encodeURIComponent(trip)}`,
});

/** Asks for a trip. Gives its status, and the way to it. */
export async function requestTrip(isRider, request) {
  if (isRider) {
    const trip = await post("/v1/trips", request);
    return { way: ownTrip(trip.trip), trip };
  }
  const { link, trip } = await post("/v1/guest/trips", request);
  return { way: guestTrip(link), trip };
}
