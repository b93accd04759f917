/* The link to the server while nothing is being saved: a stream that tells of time, pause and state at once (/api/events), and,
   where a stream cannot be had, a question every half minute. */
(function () {
  "use strict";

  const ASK_MS = 30000;
  const FIRST_MS = 8000;      /* a proxy that gathers answers lets nothing through: then there is no stream */
  const SILENT_MS = 40000;    /* two beats are missing: the link is dead, whatever the browser believes */
  const LONGEST_MS = 30000;
  const GIVEN_UP = 4;

  class Link {
    /* heard(facts): the stream spoke; ask(): asks the server once, a promise of whether the page goes on. */
    constructor(heard, ask) {
      this.heard = heard;
      this.ask = ask;
      this.source = null;
      this.failed = 0;
      this.last = 0;
      this.timer = 0;
      this.done = false;
      setInterval(() => this.check(), 2000);
    }

    open() {
      clearTimeout(this.timer);
      if (this.done) return;
      this.close();
      if (!window.EventSource) { this.rest(); return; }
      this.source = new EventSource("/api/events");
      this.opened = performance.now();
      this.last = 0;
      this.source.onmessage = (message) => { this.alive(); this.heard(JSON.parse(message.data)); };
      this.source.addEventListener("beat", () => this.alive());
      this.source.onerror = () => this.lost();
    }

    alive() {
      this.last = performance.now();
      this.failed = 0;
    }

    close() {
      if (this.source) this.source.close();
      this.source = null;
    }

    /* Every page of a room loses its stream in the same moment: they come back one after another. */
    lost() {
      this.close();
      this.failed += 1;
      const wait = Math.min(LONGEST_MS, 1000 * Math.pow(2, this.failed - 1));
      this.later(wait * (0.5 + Math.random() * 0.5));
    }

    later(wait) {
      clearTimeout(this.timer);
      this.timer = setTimeout(async () => {
        const there = await this.ask();
        if (this.done) return;
        if (!there) this.lost(); else if (window.EventSource && this.failed < GIVEN_UP) this.open(); else this.rest();
      }, wait);
    }

    /* The server answers but no stream comes through: ask every half minute, and try a stream again every fifth time. */
    rest() {
      this.failed = this.failed >= GIVEN_UP + 5 ? 0 : this.failed + 1;
      this.later(ASK_MS);
    }

    check() {
      if (!this.source) return;
      const quiet = performance.now() - (this.last || this.opened);
      if (quiet > (this.last ? SILENT_MS : FIRST_MS)) this.lost();
    }

    /* Now, not after the pause: the network is back, or the page is on the screen again. */
    again() {
      if (!this.done && !this.source) { this.failed = 0; this.later(0); }
    }

    stop() {
      this.done = true;
      clearTimeout(this.timer);
      this.close();
    }
  }

  window.pufa.Link = Link;
})();
