// The HTTP API. What cannot be done is a Problem (RFC 9457). A write carries an id that the page
// made, so it can be sent again; that is done here where no answer came.

const WITHIN_MS = 12_000;
const PAUSES_MS = [400, 1200, 3000];

/** A problem document, or that no answer came (`code` NO_ANSWER). */
export class Problem extends Error {
  constructor(document) {
    super(document.detail);
    this.name = "Problem";
    this.document = document;
    this.code = document.code;
    this.retryAfterS = document.retry_after_s;
  }
}

export const get = (path) => call("GET", path);
/** With a `token`, that is who asks; else who has the session. */
export const post = (path, body, token) => call("POST", path, body, token);
export const remove = (path) => call("DELETE", path);

let renew = async () => true;
let changed = () => {};
let subject = null;

/** What is done where a login is not believed any more: true if it is worth asking again. */
export const onNotBelieved = (act) => (renew = act);

/** What is done where the browser turns out to be logged in as somebody else; the write was not done. */
export const onLoginChanged = (act) => (changed = act);

/** Who has the session, as far as the page knows; writes are refused where it is another's by now. */
export const actAs = (who) => (subject = who);

/** An id for a write: 24 letters from 18 random bytes. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

async function call(method, path, body, token) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await once(method, path, body, token);
    } catch (error) {
      // A session that has ended is taken back with the answer; without it a guest may go on.
      if (error.code === "UNAUTHENTICATED" && attempt === 0 && !token && (await renew())) continue;
      if (error.code === "LOGIN_CHANGED") changed();
      const pause = PAUSES_MS[attempt];
      if (!(error instanceof Problem) || pause === undefined || !passes(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** Whether it may well work in a moment. */
const passes = ({ code }) => ["NO_ANSWER", "NOT_STARTED", "LEASE_LAPSED"].includes(code);

async function once(method, path, body, token) {
  // The header tells the server that a page of its own asks, not one of another site.
  const headers = { Accept: "application/json", "X-Ringmaster-Page": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  else if (subject !== null) headers["X-Ringmaster-Subject"] = encodeURIComponent(subject);
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(WITHIN_MS),
      cache: "no-store",
    });
  } catch {
    throw new Problem({ code: "NO_ANSWER", detail: "No answer came.", remedy: "Try again." });
  }
  if (answer.status === 204) return null;
  const read = await answer.json().catch(() => null);
  if (answer.ok && read !== null) return read;
  throw new Problem(
    read?.code
      ? read
      : { code: "NO_ANSWER", detail: `The answer (${answer.status}) cannot be read.`, remedy: "Try again." },
  );
}
