// A wish, as the API takes it.

const placeOf = (place) => place.id ?? { lat: place.lat, lon: place.lon };

/** The body of a quote or a request, but for its id. */
export function tripWish({ from, to, kind, at, seats, wheelchairs, walkLimitM }) {
  return {
    from: placeOf(from),
    to: placeOf(to),
    when: kind === "now" ? "now" : { [kind]: at },
    party: { seats, wheelchairs },
    walk_limit_m: walkLimitM,
    alternatives: 3,
    flexible_s: 1800,
  };
}
