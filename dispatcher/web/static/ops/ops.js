// The operator's console: everything as it is now, why it is so, and what an order would cost.

import { get } from "../shared/api.js";
import { announce, byId, el, setText } from "../shared/dom.js";
import { language, t } from "../shared/i18n.js";
import { LiveStream } from "../shared/live.js";
import { ZoneTime } from "../shared/time.js";
import { Closing } from "./closing.js";
import { Details } from "./details.js";
import { Lists } from "./lists.js";
import { loggedIn, logOut, mayAct, mayAudit } from "./login.js";
import { OrderDialog } from "./order.js";
import { Rail } from "./rail.js";
import { Store } from "./store.js";
import { WhyDialog } from "./why.js";
import { ConsoleMap } from "./zone_map.js";

const FIGURES_EVERY_MS = 5_000;

class Console {
  closing = null;

  constructor(zone, session) {
    this.store = new Store(zone, new ZoneTime(zone.timezone, zone.clock));
    this.acts = mayAct(session);
    this.audits = mayAudit(session);
    byId("console").hidden = false;
    byId("where").textContent = zone.names[language] ?? zone.id;
    this.map = new ConsoleMap(this.store);
    this.rail = new Rail(this.store);
    this.details = new Details(this);
    this.lists = new Lists(this);
    this.#bar(session);
    this.store.listen((changed) => this.#changed(changed));
    this.details.render();
    setInterval(() => this.#tick(), 1000);
    this.#figures();
    new LiveStream("/v1/live", this.store.handlers, (state) => this.#liveIs(state));
  }

  /** Chosen in a list: shown in the details and on the map. */
  choose(kind, id) {
    this.store.select(kind, id);
    const shuttle = kind === "shuttle" ? id : this.store.trips.get(id)?.shuttle;
    this.map.look(this.store.shuttles.get(shuttle)?.place);
  }

  order(command, onDone = () => {}) {
    new OrderDialog(this.store, command, () => {
      onDone();
      this.lists.refreshCommands();
    }).open();
  }

  askWhy(trip) {
    new WhyDialog(this.store, trip).open();
  }

  beginClosing(chosen = {}) {
    this.closing = new Closing(this, chosen);
    this.details.render();
    byId("close-heading").focus();
  }

  endClosing() {
    this.closing?.end();
    this.closing = null;
    this.details.render();
  }

  #bar({ subject }) {
    this.live = el("span.badge.warn", { id: "live" }, t("ops.connecting"));
    byId("clock").before(this.live);
    byId("other-language").before(
      el("span.who", {}, subject),
      el("button.button.small", { type: "button", id: "log-out", onclick: logOut }, t("ops.log_out")));
    const { speed } = this.store.time;
    if (speed > 1) byId("clock").after(el("span.badge", { title: t("time.faster", { speed }) }, `×${speed}`));
  }

  #liveIs(state) {
    const live = state === "live";
    this.live.className = `badge ${live ? "good" : "bad"}`;
    setText(this.live, t(live ? "ops.live" : "ops.not_live"));
    if (!live) announce(t("ops.not_live"));
  }

  #changed(changed) {
    this.lists.changed();
    if (changed.has("figures")) this.rail.renderFigures();
    if (changed.has("selected")) {
      this.lists.render();
      this.details.render();
    } else if (changed.has("shuttles") || changed.has("trips") || changed.has("closures")) this.details.render();
  }

  #tick() {
    setText(byId("clock"), this.store.time.clock());
    this.rail.render();
    this.details.render();
  }

  async #figures() {
    try {
      if (document.visibilityState === "visible") this.store.setFigures(await get("/v1/figures"));
    } catch {
      // The live stream says that there is no connection.
    }
    setTimeout(() => this.#figures(), FIGURES_EVERY_MS);
  }
}

const session = await loggedIn();
new Console(await get("/v1/zone"), session);
