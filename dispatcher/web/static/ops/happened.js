// What the explanation of a trip has by name, said in the page's language: what happened, what the
// rider was told, and why a shuttle took nobody. A test compares the names with the dispatcher's.

import { el } from "../shared/dom.js";
import { t, tn } from "../shared/i18n.js";
import { said } from "../shared/said.js";
import { pct, shuttleName, span, stopName, tripName } from "./words.js";

// Their reasons are codes, which the sentence has said.
const REASON_SAID = new Set(["boarding_expired", "got_out"]);

/** What an event was, as the trip that is explained has seen it. */
export function happened(store, { kind, trip_id: other, shuttle_id, operator_id, reason, stop_id, streets, stops, faults, number }) {
  let what = t(`ops.happened.${kind}`, {
    shuttle: shuttle_id ? shuttleName(shuttle_id) : "",
    operator: operator_id ?? "",
    stop: stop_id ? stopName(store, stop_id) : "",
    places: [streets ? tn("ops.streets", streets) : "", ...stops.map((id) => stopName(store, id))].filter(Boolean).join(", "),
    faults: faults.map((fault) => fault.kind).join(", "),
    span: number === null ? "" : span(number),
    number: number ?? "",
  });
  if (reason && !REASON_SAID.has(kind)) what = t("ops.because", { what, reason });
  return other ? t("ops.happened_to", { trip: tripName(other), what }) : what;
}

/** What the rider was told then, if anything. */
export function toldRider({ told_text: text, happened: { reason } }) {
  if (!text) return null;
  // A reason that an operator gives is told first, and in the operator's own words.
  const own = reason && text.startsWith(reason) ? reason : "";
  const rest = text.slice(own.length).trim();
  const { text: ours, lang } = rest ? said(rest) : { text: "", lang: null };
  return el("span", { lang }, t("ops.told_rider", { text: [own, ours].filter(Boolean).join(" ") }));
}

/** Why nothing was done, where an operator ordered something. */
export const notDone = ({ command }) =>
  command?.refusal ? t("ops.not_done", { why: t(`ops.no.${command.refusal.problem}`) }) : "";

/** Why a shuttle takes no riders, in a few words. */
export const notTaking = ({ kind, number, reserve_pct: reserve, mode, faults }) =>
  t(`ops.not_taking.${kind}`, {
    span: number === null ? "" : span(number),
    level: number === null ? "" : pct(number),
    reserve: reserve === null ? "" : pct(reserve),
    number: number ?? "",
    mode: mode ? t(`ops.mode.${mode}`) : "",
    faults: faults.join(", "),
  });
