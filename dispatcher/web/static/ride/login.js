// Logging in as a rider: at the zone's issuer or with a token of it, in development as anybody with
// one click.

import { Problem } from "../shared/api.js";
import { byId, el, setText } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { enter, enterAs, enterAtIssuer } from "../shared/session.js";
import { keepWish } from "./kept.js";

const DEVELOPERS = ["minji", "junho", "sora"];

export const isRider = (session) => Boolean(session?.roles.includes("rider"));

export class LoginView {
  #ride;
  #then;
  #busy = false;

  /** `then` goes on once somebody is logged in; `guest` without a login, where that is possible. */
  constructor(ride, { then, guest = null, note = null, wish = null }) {
    this.#ride = ride;
    this.#then = then;
    this.wish = wish;
    const { session, tokens, at_issuer: atIssuer, development } = ride.login;
    this.heading = el("h1", { tabindex: "-1" }, t("login.heading"));
    this.wrong = el("p.wrong", { id: "login-wrong", role: "alert" });
    this.element = el("div.stack.login", {},
      this.heading,
      note && el("p.notice.warn", { role: "status" }, note),
      session && !isRider(session) && el("p.notice.warn", {}, t("login.other", { subject: session.subject })),
      development && this.#developers(),
      atIssuer && el("section.card.stack", {},
        el("p.soft", {}, t("login.at_issuer_about")),
        el("button.button.first.wide", { type: "button", id: "at-issuer", onclick: () => this.#atIssuer() }, t("login.at_issuer"))),
      tokens && (atIssuer ? el("details", {}, el("summary", {}, t("login.with_token")), this.#tokenForm()) : this.#tokenForm()),
      !development && !tokens && el("p.notice.bad", {}, t("login.nobody")),
      this.wrong,
      guest && el("button.button.plain.back", { type: "button", id: "as-guest", onclick: guest }, t("login.as_guest")));
  }

  shown() {
    this.#ride.markEnds(null, null);
    this.heading.focus({ preventScroll: true });
  }

  #developers() {
    const rider = (subject) =>
      el("button.button", { type: "button", id: `as-${subject}`, onclick: () => this.#enter(() => enterAs("rider", subject)) },
        t(`login.rider.${subject}`));
    return el("section.card.stack.tight", { "aria-labelledby": "developers" },
      el("h2", { id: "developers" }, t("login.development")),
      el("p.soft", {}, t("login.development_about")),
      el("div.row", {}, DEVELOPERS.map(rider)));
  }

  /** The page is gone meanwhile: what was filled in has to be found again. */
  #atIssuer() {
    // A guest's trip is no page to come back to with a login.
    const back = location.pathname.startsWith("/ride") ? location.pathname : "/ride";
    keepWish(this.wish, back);
    enterAtIssuer(back);
  }

  #tokenForm() {
    return el("form.card.stack", {
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        const token = byId("token").value.trim();
        if (token) this.#enter(() => enter(token));
        else this.#say(t("login.token_needed"));
      },
    },
      el("div.field", {},
        el("label", { for: "token" }, t("login.token")),
        el("p.hint", { id: "token-hint" }, t("login.token_about")),
        el("input", { id: "token", type: "password", autocomplete: "off", "aria-describedby": "token-hint login-wrong" })),
      el("button.button.first.wide", { type: "submit" }, t("login.enter")));
  }

  async #enter(entering) {
    if (this.#busy) return;
    this.#busy = true;
    this.#say("");
    try {
      const session = await entering();
      if (isRider(session)) {
        this.#ride.enter(session);
        this.#then();
        return;
      }
      this.#ride.login.session = session;
      if (await this.#ride.leave()) this.#say(t("login.other", { subject: session.subject }));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#say(t(error.code === "UNAUTHENTICATED" ? "login.refused" : "login.failed"));
    } finally {
      this.#busy = false;
    }
  }

  #say(text) {
    setText(this.wrong, text);
    byId("token")?.toggleAttribute("aria-invalid", false);
    if (text && byId("token")) {
      byId("token").setAttribute("aria-invalid", "true");
      byId("token").focus();
    }
  }
}
