// Asks once more before a trip is given up.

import { post } from "../shared/api.js";
import { el } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

/** `onYes` hears a yes; `onClosed` that the dialog has gone, either way. */
export function askCancel(onYes, onClosed) {
  const yes = () => {
    dialog.close();
    onYes();
  };
  const dialog = el("dialog.card", { "aria-labelledby": "sure" },
    el("h2", { id: "sure" }, t("trip.cancel_sure")),
    el("p", {}, t("trip.cancel_about")),
    el("div.row", {},
      el("button.button.danger.first", { type: "button", id: "cancel-yes", onclick: yes }, t("trip.cancel_yes")),
      el("button.button", { type: "button", onclick: () => dialog.close() }, t("trip.cancel_no"))));
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClosed();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** Gives its status afterwards. */
export const cancelTrip = (way, trip) => post(`${way.path}/cancel`, { id: `cancel-${trip}` });
