// The dispatcher's sentences about a trip, by their keys in the catalogue. A test compares them
// with the engine's own; a sentence that is not here is shown as it came.

import { t } from "./i18n.js";
import { phrasebook } from "./phrases.js";

export const SENTENCES = {
  "Your shuttle is at the stop.": "said.at_stop",
  "Another shuttle takes you, as promised.": "said.another",
  "Your pickup is expected later.": "said.later",
  "Your pickup is expected sooner.": "said.sooner",
  "Your shuttle has stopped; help is on its way.": "said.stopped",
  "Your shuttle drives again; you can stay aboard.": "said.drives_again",
  "The shuttle sent for you cannot come; we look for another.": "said.rescue_gone",
  "Your shuttle has stopped by your stop; you may get off.": "said.may_get_off",
  "Your shuttle was out of contact and could not let you in.": "said.out_of_contact",
  "Your shuttle could not let you in.": "said.could_not_let_in",
  "One of the offers is no longer possible.": "said.offer_gone",
  "The offer was not answered in time.": "said.not_answered",
  "You declined the offer.": "said.declined",
  "You cancelled the trip.": "said.cancelled",
  "The operator cancelled it.": "said.operator_cancelled",
  "We are sorry: the shuttles could not let you in.": "said.none_let_in",
  "Please use another way.": "said.another_way",
  "Your shuttle came later than promised.": "said.came_late",
  "You arrived later than promised.": "said.arrived_late",
  "A street on your way was closed.": "said.street_closed",
  "The offer is no longer possible; please ask again.": "said.ask_again",
  "Your shuttle is delayed; see the new times.": "said.shuttle_delayed",
  "Your trip is delayed; see the new times.": "said.trip_delayed",
  "We lost contact with your shuttle.": "said.lost_contact",
  "We lost contact with your shuttle; it takes you to your stop.": "said.lost_contact_aboard",
  "Your shuttle could not take the trip on.": "said.not_taken_on",
  "Your shuttle was taken out of service.": "said.withdrawn",
  "Your shuttle broke down.": "said.broke_down",
  "Your shuttle's battery does not last for your trip.": "said.battery",
  "Driving takes longer than usual.": "said.slow",
  "No shuttle can take you just now.": "said.none_now",
  "We keep looking and tell you at once.": "said.keep_looking",
  "We are sorry: no shuttle can take you.": "said.none_at_all",
  "We are sorry: your shuttle has been stopped too long.": "said.stopped_too_long",
  "The shuttle waited, but nobody boarded.": "said.nobody_boarded",
  "You got out of your shuttle before it left.": "said.got_out_early",
  "You got out before your stop.": "said.got_out",
  "We look for another shuttle to take you on.": "said.look_for_another",
  "Your shuttle cannot drive on.": "said.cannot_drive_on",
  "Your stop is cut off; the shuttle sets you down at {name}.": "said.set_down_at",
  "Shuttle {name} takes you from here.": "said.taken_from_here",
};

const known = phrasebook(SENTENCES);

/** `{text, lang}`: the sentences in the page's language, or as they came with their own. */
export function said(text) {
  const parts = text.match(/[^.]+\.(?:\s|$)/g)?.map((part) => part.trim()) ?? [text];
  const told = parts.map(known);
  if (told.includes(null)) return { text, lang: "en" };
  return { text: told.map(({ key, values }) => t(key, values)).join(" "), lang: null };
}
