// What cannot be done, in the rider's language. The API says it in English; here its code counts.

import { Problem } from "../shared/api.js";
import { el } from "../shared/dom.js";
import { has, t } from "../shared/i18n.js";

/** A notice of what went wrong; `heading` is h1 where it stands alone. */
export function problemNotice(error, heading = "h2") {
  const key = error instanceof Problem && has(`problem.${error.code}`) ? `problem.${error.code}` : "problem.other";
  return el("div.notice.bad", { role: "alert" }, el(heading, {}, t("problem.heading")), el("p", {}, t(key)));
}
