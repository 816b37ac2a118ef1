// Logging in: at the zone's issuer or with a token of it; in development any role may be chosen.

import { Problem } from "../shared/api.js";
import { byId, el, refill } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { enter, enterAs, enterAtIssuer, issuerSaid, leave, lookWho, onEnded } from "../shared/session.js";

const SEES = ["operator", "dispatcher", "admin"];
const ACTS = ["dispatcher", "admin"];

export const mayAct = (session) => session.roles.some((role) => ACTS.includes(role));
export const mayAudit = (session) => session.roles.includes("admin");

/** Who is logged in and may see the console; asks for a login until somebody is. */
export async function loggedIn() {
  onEnded(() => {
    location.reload();
    return false;
  });
  const { session, ...login } = await lookWho();
  if (session?.roles.some((role) => SEES.includes(role))) return session;
  return new Promise((done) => new Login(done, session).show(login));
}

export async function logOut() {
  try {
    await leave();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    askAgain();
    return;
  }
  location.reload();
}

/** Whoever leaves the desk has to know that the console may still be open to others. */
function askAgain() {
  const again = () => {
    dialog.close();
    logOut();
  };
  const dialog = el("dialog.card", { "aria-labelledby": "not-left" },
    el("h2", { id: "not-left" }, t("ops.not_left")),
    el("p", {}, t("ops.not_left_about")),
    el("div.row", {},
      el("button.button.first", { type: "button", id: "log-out-again", onclick: again }, t("ops.log_out")),
      el("button.button", { type: "button", onclick: () => dialog.close() }, t("ops.leave"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

class Login {
  #done;
  #other;

  constructor(done, other) {
    this.#done = done;
    this.#other = other;
  }

  show(login) {
    const section = byId("login");
    refill(section, this.#form(login));
    section.hidden = false;
    section.querySelector("#at-issuer, input").focus();
    const said = issuerSaid();
    if (said) this.wrong.textContent = t(`ops.login_at_issuer_${said}`);
  }

  #form({ development, at_issuer: atIssuer }) {
    this.wrong = el("p.wrong", { id: "login-wrong", role: "alert" });
    const role = (name, checked) =>
      el("label", {}, el("input", { type: "radio", name: "role", value: name, checked }), el("span", {},
        el("strong", {}, t(`ops.role.${name}`)), el("span.hint", {}, t(`ops.role_about.${name}`))));
    const choice = el("fieldset.stack", {}, el("legend", {}, t("ops.login_role")),
      el("div.roles", {}, role("operator", false), role("dispatcher", true), role("admin", false)));
    const token = el("div.field", {},
      el("label", { for: "token" }, t("ops.login_token")),
      el("p.hint", { id: "token-hint" }, t("ops.login_token_about")),
      el("input", { id: "token", type: "password", autocomplete: "off", "aria-describedby": "token-hint login-wrong" }));
    const enterWith = (what) => [what, el("button.button.first", { type: "submit" }, t("ops.login_enter"))];
    const about = development ? "development" : atIssuer ? "at_issuer_about" : "about";
    return el("form.card.stack", {
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        this.#enter(development, new FormData(event.target).get("role"));
      },
    },
      el("h2", {}, t("ops.login")),
      this.#other && el("p.notice.warn", {}, t("ops.login_other", { subject: this.#other.subject })),
      el("p.soft", {}, t(`ops.login_${about}`)),
      atIssuer && el("button.button.first", { type: "button", id: "at-issuer", onclick: () => enterAtIssuer(location.pathname) }, t("ops.login_at_issuer")),
      this.wrong,
      development ? enterWith(choice)
        : atIssuer ? el("details", {}, el("summary", {}, t("ops.login_with_token")), el("div.stack", {}, enterWith(token)))
          : enterWith(token));
  }

  async #enter(development, role) {
    try {
      const session = await (development ? enterAs(role, `${role}-console`) : enter(byId("token").value.trim()));
      if (!session.roles.some((each) => SEES.includes(each))) {
        this.wrong.textContent = t("ops.login_other", { subject: session.subject });
        return;
      }
      byId("login").hidden = true;
      this.#done(session);
    } catch (error) {
      this.wrong.textContent = t(error.code === "UNAUTHENTICATED" ? "ops.login_refused" : "ops.login_failed");
    }
  }
}
