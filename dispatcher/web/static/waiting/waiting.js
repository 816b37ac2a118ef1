// The service is being taken over: asks for this address again and again, and shows it once it is there.

import { byId } from "../shared/dom.js";

const PAUSE_S = 5;

byId("again").hidden = false;
later(PAUSE_S);

function later(seconds) {
  // Not all pages at the same moment.
  setTimeout(look, seconds * 1000 * (0.75 + Math.random() / 2));
}

async function look() {
  const answer = await fetch(location.href, { cache: "no-store" }).catch(() => null);
  if (answer && answer.status !== 503) location.reload();
  else later(Number(answer?.headers.get("Retry-After")) || PAUSE_S);
}
