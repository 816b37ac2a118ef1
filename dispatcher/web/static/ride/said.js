// The dispatcher's sentences about a trip, by their keys in the catalogue. A test compares them
// with the engine's own; a sentence that is not here is shown as it came.

import { t } from "../shared/i18n.js";

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
};

/** `{text, lang}`: the sentences in the page's language, or as they came with their own. */
export function said(text) {
  const parts = text.match(/[^.]+\.(?:\s|$)/g)?.map((part) => part.trim()) ?? [text];
  if (!parts.every((part) => part in SENTENCES)) return { text, lang: "en" };
  return { text: parts.map((part) => t(SENTENCES[part])).join(" "), lang: null };
}
