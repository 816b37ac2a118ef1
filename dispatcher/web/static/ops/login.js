// Logging in: in development any role may be chosen, elsewhere a token of the zone's issuer is shown.
// The token is kept in this page's memory only, to renew the session before it ends.

import { Problem } from "../shared/api.js";
import { byId, el, refill } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

const SEES = ["operator", "dispatcher", "admin"];
const ACTS = ["dispatcher", "admin"];
const RENEW_BEFORE_MS = 60_000;

export const mayAct = (session) => session.roles.some((role) => ACTS.includes(role));
export const mayAudit = (session) => session.roles.includes("admin");

/** Who is logged in and may see the console; asks for a login until somebody is. */
export async function loggedIn() {
  const session = await call("GET", "/v1/session").catch(() => null);
  if (session && session.roles.some((role) => SEES.includes(role))) {
    // Opened again with the cookie alone: when that ends, a login is asked for.
    if (session.expires) setTimeout(() => location.reload(), Math.max(5_000, Date.parse(session.expires) - Date.now()));
    return session;
  }
  return new Promise((done) => new Login(done, session).show());
}

export async function logOut() {
  await call("DELETE", "/v1/session").catch(() => null);
  location.reload();
}

class Login {
  #done;
  #other;

  constructor(done, other) {
    this.#done = done;
    this.#other = other;
  }

  async show() {
    // The address of the development login knows POST only, and is nowhere else.
    const probe = await fetch("/v1/dev/login", { cache: "no-store" });
    const section = byId("login");
    refill(section, this.#form(probe.status === 405));
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
      const token = development
        ? (await call("POST", "/v1/dev/login", { body: { role, subject: `${role}-console` } })).token
        : byId("token").value.trim();
      const session = await call("POST", "/v1/session", { token });
      if (!session.roles.some((each) => SEES.includes(each))) {
        this.wrong.textContent = t("ops.login_other", { subject: session.subject });
        return;
      }
      renewInTime(session, token);
      byId("login").hidden = true;
      this.#done(session);
    } catch (error) {
      this.wrong.textContent = t(error.code === "UNAUTHENTICATED" ? "ops.login_refused" : "ops.login_failed");
    }
  }
}

function renewInTime(session, token) {
  if (!session.expires) return;
  const left = Date.parse(session.expires) - Date.now();
  setTimeout(async () => {
    const next = await call("POST", "/v1/session", { token }).catch(() => null);
    if (next) renewInTime(next, token);
    else location.reload();
  }, Math.max(5_000, left - RENEW_BEFORE_MS));
}

async function call(method, path, { body, token } = {}) {
  const headers = { Accept: "application/json", "X-Ringmaster-Page": "1" };
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
  if (answer.status === 204) return null;
  const read = await answer.json();
  if (!answer.ok) throw new Problem(read);
  return read;
}
