// Logging in: in development any role may be chosen, elsewhere a token of the zone's issuer is shown.

import { byId, el, refill } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { enter, enterAs, leave, lookWho, onEnded } from "../shared/session.js";

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
  const { session, development } = await lookWho();
  if (session?.roles.some((role) => SEES.includes(role))) return session;
  return new Promise((done) => new Login(done, session).show(development));
}

export async function logOut() {
  await leave();
  location.reload();
}

class Login {
  #done;
  #other;

  constructor(done, other) {
    this.#done = done;
    this.#other = other;
  }

  show(development) {
    const section = byId("login");
    refill(section, this.#form(development));
    section.hidden = false;
    section.querySelector("input").focus();
  }

  #form(development) {
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
    return el("form.card.stack", {
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        this.#enter(development, new FormData(event.target).get("role"));
      },
    },
      el("h2", {}, t("ops.login")),
      this.#other && el("p.notice.warn", {}, t("ops.login_other", { subject: this.#other.subject })),
      el("p.soft", {}, t(development ? "ops.login_development" : "ops.login_about")),
      development ? choice : token,
      this.wrong,
      el("button.button.first", { type: "submit" }, t("ops.login_enter")));
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
