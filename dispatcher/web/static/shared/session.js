// Who is logged in. A token is exchanged for a session, whose cookie live streams need; the token is
// kept in this page's memory only, to renew the session. All pages of a browser share one session:
// who logs in with one of them is logged in with all.

import { actAs, get, onLoginChanged, onNotBelieved, post, remove } from "./api.js";

const RENEW_BEFORE_MS = 60_000;
const SOONEST_MS = 5_000;

const others = new BroadcastChannel("ringmaster.session");
let session = null;
let token = null;
let timer = 0;
let ended = () => true;

/** `act` hears when the login has ended and could not be renewed; true: the page goes on without. */
export const onEnded = (act) => (ended = act);

/** Who is logged in (`session`), and how one may log in here. */
export async function lookWho() {
  const login = await get("/v1/login");
  hold(login.session ? dated(login.session) : null);
  // Who comes from the issuer's pages finds it out here, before any other page does.
  if (session) tell(session);
  return login;
}

/** Logs in with a token. Gives the session. */
export async function enter(shown) {
  const begun = await post("/v1/session", undefined, shown);
  token = shown;
  hold(dated(begun));
  tell(begun);
  return begun;
}

/** Logs in as anybody, where the dispatcher runs for development. */
export async function enterAs(role, subject) {
  return enter((await post("/v1/dev/login", { role, subject })).token);
}

/** Sends the browser to the issuer's pages, from which it comes back to the page `to`. */
export const enterAtIssuer = (to) => location.assign(`/v1/login/begin?to=${encodeURIComponent(to)}`);

/** Whether that came to nothing: "refused" or "failed", told once; else null. */
export function issuerSaid() {
  const said = location.hash.match(/^#login=(refused|failed)$/)?.[1] ?? null;
  if (said) history.replaceState(history.state, "", location.pathname + location.search);
  return said;
}

/**
 * Logs out. Throws a Problem where the dispatcher has not said that the cookie is worth nothing any more;
 * whoever it was counts as logged in then, and may log out again.
 */
export async function leave() {
  const before = session;
  token = null; // nothing here must renew what was to end
  hold(null);
  try {
    await remove("/v1/session");
  } catch (error) {
    // It may have ended already.
    if (error.code !== "UNAUTHENTICATED") {
      hold(before);
      throw error;
    }
  }
  tell(null);
}

// Another page has logged in as somebody else, or out: this one must not act for them.
others.onmessage = ({ data: who }) => {
  if (session && who !== identity(session)) location.reload();
};

onNotBelieved(renewed);
onLoginChanged(() => location.reload());

const identity = ({ subject, roles }) => JSON.stringify([subject, roles]);

function tell(next) {
  others.postMessage(next && identity(next));
}

function hold(next) {
  session = next;
  actAs(session?.subject ?? null);
  clearTimeout(timer);
  if (!Number.isFinite(session?.endsMs)) return;
  const left = session.endsMs - performance.now();
  const before = token ? Math.min(RENEW_BEFORE_MS, left / 2) : 0;
  timer = setTimeout(renewed, Math.max(SOONEST_MS, left - before));
}

/** With when it ends by this page's own count, for the device's clock may be wrong. */
function dated(told) {
  return { ...told, endsMs: performance.now() + (told.lasts_s ?? Infinity) * 1000 };
}

/** Whether it is worth asking again: with a session made anew, or without any as before. */
async function renewed() {
  if (!session) return true;
  try {
    if (token) {
      hold(dated(await post("/v1/session", undefined, token)));
      return true;
    }
  } catch (error) {
    if (error.code !== "UNAUTHENTICATED") {
      hold(session); // no answer, for one: tried again
      return false;
    }
  }
  token = null;
  hold(null);
  return ended();
}
