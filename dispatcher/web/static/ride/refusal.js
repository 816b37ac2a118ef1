// Why there is no shuttle for a wish, and a button for the nearest thing that would work.

import { el } from "../shared/dom.js";
import { named, t, tn } from "../shared/i18n.js";
import { distance } from "../shared/time.js";

export function refusalPart(ride, wish, refusal) {
  const works = nearestWishes(ride, wish, refusal);
  return el("div.card.refusal", { role: "group", "aria-labelledby": "refused" },
    el("h2", { id: "refused" }, t("refusal.heading")),
    el("p", {}, t(`refusal.${refusal.code}`)),
    works.length > 0 && el("p.soft", {}, t("refusal.instead")),
    el("div.row", {}, works.map(([text, other], index) =>
      el("button.button", {
        class: index ? "button" : "button first", type: "button", onclick: () => ride.showOffers({ ...wish, ...other }),
      }, text))));
}

/** What would work, each with how the wish changes. */
function nearestWishes(ride, wish, { code, nearest = {} }) {
  const works = [];
  if (nearest.stop) {
    const stop = ride.stops.get(nearest.stop.id) ?? nearest.stop;
    const end = endToMove(wish, nearest.stop);
    works.push([t(`refusal.try_stop_${end}`, { stop: named(stop.names) }), { [end]: stop }]);
  }
  if (nearest.walk_limit_m) {
    works.push([t("refusal.try_walk", { distance: distance(nearest.walk_limit_m) }), { walkLimitM: nearest.walk_limit_m }]);
  }
  if (nearest.party) {
    const party = {
      seats: Math.min(wish.seats, nearest.party.seats),
      wheelchairs: Math.min(wish.wheelchairs, nearest.party.wheelchairs),
    };
    const key = party.wheelchairs ? "refusal.try_party" : "refusal.try_seats";
    if (party.seats + party.wheelchairs > 0) works.push([t(key, party), party]);
  }
  if (nearest.pickup) {
    works.push([t("refusal.try_pickup", { time: ride.time.time(nearest.pickup) }), { kind: "depart_at", at: nearest.pickup }]);
  }
  if (nearest.retry_after_s) {
    const minutes = Math.max(1, Math.round(nearest.retry_after_s / 60));
    works.push([tn("refusal.try_later", minutes), {}]);
  }
  if (!works.length && code !== "SAME_PLACE") works.push([t("refusal.try_again"), {}]);
  return works;
}

/** Which end the stop stands in for: the one that it is nearer to. */
function endToMove({ from, to }, stop) {
  const off = (place) => Math.hypot(place.lat - stop.lat, (place.lon - stop.lon) * 0.8);
  return off(from) <= off(to) ? "from" : "to";
}
