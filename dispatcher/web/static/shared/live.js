// A live stream (server-sent events) that comes back by itself: after a lost connection, after
// an answer that ends it, after silence, and when the page is seen again.

const SILENT_MS = 25_000; // the server says something at least every 10 s
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export class LiveStream {
  #path;
  #handlers;
  #onState;
  #source = null;
  #timer = 0;
  #pause = FIRST_PAUSE_MS;
  #ended = false;
  #state = "";

  /**
   * `handlers` by kind of event, each called with the read data.
   * `onState` hears "live", and "waiting" when the stream is lost or cannot be had.
   */
  constructor(path, handlers, onState = () => {}) {
    this.#path = path;
    this.#handlers = handlers;
    this.#onState = onState;
    addEventListener("online", this.#now);
    document.addEventListener("visibilitychange", this.#seen);
    this.#open();
  }

  close() {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#source?.close();
    removeEventListener("online", this.#now);
    document.removeEventListener("visibilitychange", this.#seen);
  }

  #open = () => {
    if (this.#ended) return;
    this.#source?.close();
    this.#source = new EventSource(this.#path);
    this.#source.onopen = () => {
      this.#pause = FIRST_PAUSE_MS;
      this.#is("live");
    };
    this.#source.onerror = () => {
      this.#is("waiting");
      this.#again();
    };
    for (const [kind, handle] of Object.entries(this.#handlers)) {
      this.#source.addEventListener(kind, (event) => {
        this.#listen();
        handle(JSON.parse(event.data));
      });
    }
    if (!this.#handlers.clock) this.#source.addEventListener("clock", () => this.#listen());
    this.#listen();
  };

  #listen() {
    if (this.#source?.readyState === EventSource.OPEN) this.#is("live");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#is("waiting");
      this.#open();
    }, SILENT_MS);
  }

  #again() {
    this.#source?.close();
    clearTimeout(this.#timer);
    // Not all pages at the same moment.
    this.#timer = setTimeout(this.#open, this.#pause * (0.75 + Math.random() / 2));
    this.#pause = Math.min(LONGEST_PAUSE_MS, this.#pause * 2);
  }

  #now = () => {
    if (this.#state !== "live") this.#open();
  };

  #seen = () => {
    if (document.visibilityState === "visible") this.#now();
  };

  #is(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#onState(state);
  }
}
