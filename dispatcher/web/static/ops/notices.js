// Why an order was not carried out, and what to do about it.

import { el } from "../shared/dom.js";
import { has, language, t } from "../shared/i18n.js";
import { told } from "./told.js";

/** Words by the problem's code. What more is said is English: left out where the page is not. */
export function problemNotice(error) {
  const code = error.code ?? "NO_ANSWER";
  const known = has(`ops.problem.${code}`);
  const { detail, remedy = "" } = error.document ?? {};
  return el("div.notice.bad", {}, el("p", {}, t(known ? `ops.problem.${code}` : "ops.problem.other")),
    detail && (language === "en" || !known) && el("p.soft", { lang: "en" }, `${detail} ${remedy}`));
}

/** What the engine says, in the page's language; by the refusal's code where it says something unheard-of. */
export function refusalNotice(store, { code, text, remedy }) {
  const [why, advice] = [told(store, text), told(store, remedy)];
  const unheard = why.lang && has(`ops.no.${code}`);
  return el("div.notice.bad", {},
    el("p", {}, el("strong", { lang: unheard ? null : why.lang }, unheard ? t(`ops.no.${code}`) : why.text)),
    unheard && el("p.soft", { lang: why.lang }, why.text),
    el("p.soft", { lang: advice.lang }, advice.text));
}
