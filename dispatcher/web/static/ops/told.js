// What the dispatcher says to operators in sentences: the details of alerts, why an order was refused
// and what to do then. Said in the page's language, with shuttles, stops and trips by their names.
// A test compares them with the dispatcher's own; one that is not here is shown as it came.

import { has, t } from "../shared/i18n.js";
import { phrasebook } from "../shared/phrases.js";
import { said } from "../shared/said.js";
import { shuttleName, stopName, tripName } from "./words.js";

// Of two that fit the same words, the first is meant.
const SENTENCES = {
  "Trip {trip} boarded {shuttle}, which has not reported it aboard for {seconds} s. Ask its riders where they are; their stop stays planned.": "ops.told.missing_aboard",
  "Trip {trip}: {told} ({cause})": "ops.told.breach",
  "{shuttle} gets nothing from the charger at {stop}; {plugs} plugs work there.": "ops.told.plug_dead",
  "{shuttle} has {level} % left and no charger is free.": "ops.told.no_charger",
  "{shuttle} has heard of epoch {newer} and refuses plans of this dispatcher's, {own}. If another dispatcher serves the zone, stop one of them. If the store was put back to an older copy, raise the zone's epoch above {above} and start this dispatcher again; see operations, Epochs.": "ops.told.epoch",
  "{shuttle} has not been heard; its plan runs out.": "ops.told.not_heard",
  "{shuttle} refused plan {revision}: {reason}": "ops.told.refused_plan",
  "{shuttle} cannot drive on: {faults}": "ops.told.cannot_drive_on",
  "{shuttle} has {level} % left, too little for its route; {trips} trips are given to others.": "ops.told.short_of_range",
  "{shuttles} are at stop {stop}, where there are {berths} berths.": "ops.told.crowded",
  "Trip {trip} was given up; its riders may still be in {shuttle}.": "ops.told.given_up",
  "No shuttle can fetch trip {trip} from {shuttle} yet.": "ops.told.no_rescue",
  "Riders of trip {trip} boarded {shuttle} although it is {state}.": "ops.told.boarded_although",
  "{shuttle} reports riders of trip {trip}, which nobody planned.": "ops.told.nobody_planned",
  "Event {event} failed twice and was set aside; see the log.": "ops.told.set_aside",
  "The last {searches} searches for better plans failed ({why}). Offers and promises go on with the plans as they are; look at the machine's load.": "ops.told.searches_failed",
  "The clock is {seconds} s behind the last event; until it gets there no time passes here. Put it right, if it is wrong.": "ops.told.clock_behind",
  "The machine's clock jumped by {seconds} s. The dispatcher goes on as before and follows slowly. Put the clock right; if it is right now, restart the dispatcher.": "ops.told.clock_jumped",
  "the store could lose acknowledged events ({settings}); set in its configuration: {to}": "ops.told.store_could_lose",
  "the store is a replica, whose writes are not its own; set redis.url to its master": "ops.told.store_replica",
  "the store could not write its append-only file; make room on its disk, or put it right": "ops.told.store_no_append",
  "the store's memory is {level} % of maxmemory; set maxmemory higher, or keep less of the journal (service.keep_days)": "ops.told.store_full",
  "This command id was used for another command.": "ops.told.id_reused",
  "Make a new id for a new command.": "ops.told.new_id",
  "There is nothing to do.": "ops.told.nothing_to_do",
  "{shuttle} is not held.": "ops.told.not_held",
  "None of these streets and stops is in the zone.": "ops.told.none_in_zone",
  "Draw or name some of this zone's.": "ops.told.draw_ours",
  "None of these streets and stops is closed.": "ops.told.none_closed",
  "There is no shuttle {shuttle}.": "ops.told.no_shuttle",
  "Name one that has joined the zone.": "ops.told.name_joined",
  "There is no trip {trip}.": "ops.told.no_trip",
  "Look its id up; trips that have ended are forgotten after a while.": "ops.told.look_up",
  "The trip is {state}.": "ops.told.trip_is",
  "Its riders are aboard {shuttle}.": "ops.told.aboard",
  "They are set down at their stop; nobody is put out on the way.": "ops.told.set_down",
  "{shuttle} is held already.": "ops.told.held_already",
  "{shuttle} is out of service already.": "ops.told.out_already",
  "{shuttle} is in service.": "ops.told.in_service",
  "There is no stop {stop}.": "ops.told.no_stop",
  "Name one of the zone's.": "ops.told.name_zones",
  "{shuttle} cannot be sent on just now.": "ops.told.cannot_send",
  "Release it if it is held; else it must be heard, drive itself and have no fault.": "ops.told.release_first",
  "{shuttle} charges, or is about to.": "ops.told.charges",
  "Name another, or wait until it has charged.": "ops.told.until_charged",
  "{shuttle} has riders to serve.": "ops.told.has_riders",
  "Name one that is idle, or move its trips first.": "ops.told.name_idle",
  "{shuttle} stands there already, or is on its way.": "ops.told.stands_there",
  "Stop {stop} is closed.": "ops.told.stop_closed",
  "Open it, or name another.": "ops.told.open_or_name",
  "No open street leads from {shuttle} to stop {stop}.": "ops.told.no_street",
  "Open streets, or name another stop.": "ops.told.open_streets",
  "Stop {stop} has {berths} berths, and none is left.": "ops.told.stop_full",
  "Send a shuttle away from there first, or name another stop.": "ops.told.send_away",
  "No other shuttle takes new riders just now.": "ops.told.none_takes",
  "{shuttle} takes no new riders just now: it is behind its own promises.": "ops.told.behind",
  "Return or release a shuttle first, or move the trip later.": "ops.told.return_first",
  "No other shuttle has a wheelchair place free for them.": "ops.told.none_wheelchair",
  "{shuttle} has no wheelchair place free for them.": "ops.told.no_wheelchair",
  "Move a trip with a wheelchair off a shuttle first.": "ops.told.wheelchair_off",
  "No other shuttle has enough seats free for them.": "ops.told.none_seats",
  "{shuttle} has not enough seats free for them.": "ops.told.no_seats",
  "Move another trip off a shuttle first.": "ops.told.seats_off",
  "With any other shuttle they would ride longer than they were promised.": "ops.told.none_ride",
  "{shuttle} would have them ride longer than they were promised.": "ops.told.long_ride",
  "Leave the trip where it is, or move others first.": "ops.told.leave_or_move",
  "No other shuttle can serve them as promised and keep its other promises.": "ops.told.none_serve",
  "{shuttle} cannot serve them as promised and keep its other promises.": "ops.told.not_serve",
  "No other shuttle serves long enough for it.": "ops.told.none_hours",
  "{shuttle} does not serve long enough for it.": "ops.told.not_hours",
  "Leave the trip where it is.": "ops.told.leave",
  "No other shuttle's battery lasts for it.": "ops.told.none_battery",
  "{shuttle} has not enough battery for it.": "ops.told.no_battery",
  "Leave the trip where it is, or name a shuttle with more charge.": "ops.told.more_charge",
  "No open street leads any other shuttle to their stops.": "ops.told.none_path",
  "{shuttle} finds no open street to their stops.": "ops.told.no_path",
  "Open streets or stops, or cancel the trip.": "ops.told.open_or_cancel",
  "A stop of the trip is closed.": "ops.told.trips_stop_closed",
  "Open the stop first, or cancel the trip.": "ops.told.open_stop",
  "There is nothing to move.": "ops.told.nothing_to_move",
  "They are set down at their stop; a shuttle that cannot go on is helped by itself.": "ops.told.helped",
  "Its rider has not accepted an offer yet.": "ops.told.not_accepted",
  "Wait for the answer, or cancel the trip.": "ops.told.wait_answer",
  "{shuttle} is on its way to its riders already, or is with them.": "ops.told.on_its_way",
  "Let it come, or cancel the trip.": "ops.told.let_come",
  "{shuttle} has the trip already.": "ops.told.has_it",
  "{shuttle} takes no new riders just now.": "ops.told.no_new_riders",
  "Release, return or charge it first, or name another.": "ops.told.take_riders",
};

const known = phrasebook(SENTENCES);

/** `{text, lang}`: what was told to operators in the page's language, or as it came with its own. */
export function told(store, text) {
  const found = known(text);
  if (!found) return { text, lang: "en" };
  const { key, values } = found;
  const named = Object.fromEntries(Object.entries(values).map(([gap, value]) => [gap, (NAMES[gap] ?? asItCame)(value, store)]));
  return { text: t(key, named), lang: null };
}

const asItCame = (value) => value;

// By the gap's name in the sentence.
const NAMES = {
  shuttle: (id) => shuttleName(id),
  shuttles: (ids) => ids.split(", ").map(shuttleName).join(", "),
  trip: (id) => tripName(id),
  stop: (id, store) => stopName(store, id),
  told: (text) => said(text).text,
  cause: (cause) => wordOr(`ops.cause.${cause}`, cause),
  state: (state) => wordOr(`ops.trip_state.${state}`, state),
};

const wordOr = (key, otherwise) => (has(key) ? t(key) : otherwise);
