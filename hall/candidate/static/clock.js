/* The server's time on the page: what is left, the announcements, the pause, and the end, which may be taken back. */
(function () {
  "use strict";

  const by = (id) => document.getElementById(id);
  const WARN_MINUTES = [10, 5, 1];
  const LATE_MS = 15000;      /* an answer is not longer on its way than this; what is told as of earlier comes from a clock that was set back */
  const pad = (number) => String(number).padStart(2, "0");

  /* An instant (ms UTC) as the wall clock here shows it. */
  function clockText(instant) {
    const beijing = new Date(instant + 8 * 3600000);
    return pad(beijing.getUTCHours()) + ":" + pad(beijing.getUTCMinutes()) + ":" + pad(beijing.getUTCSeconds());
  }

  class Clock {
    /* told: said(text), up(), thawed(), paused(on), moved(minutes, limit, afterPause) */
    constructor(now, limit, told) {
      this.offset = now - performance.now();
      this.heard = now;
      this.limit = limit;
      this.pausedAt = null;
      this.told = told;
      this.isUp = false;
      this.announced = WARN_MINUTES.length;
      this.stopped = false;
    }

    now() {
      return performance.now() + this.offset;
    }

    start() {
      this.tick();
      setInterval(() => this.tick(), 250);
    }

    /* facts: now, limit, paused of any answer; before: when it was asked for (performance.now), null for the stream, whose way is short. */
    hear(facts, before) {
      const after = performance.now(), answer = before !== null;
      if (!answer) before = after;
      if (facts.now && after - before < 5000) this.offset = facts.now + (after - before) / 2 - after;
      if (this.stopped) return;
      if (facts.now) {      /* an answer that the stream overtook tells of a limit and a pause that are no more; the stream is always heard,
                               for another process' clock may be a little ahead */
        if (answer && facts.now < this.heard && this.heard - facts.now < LATE_MS) return;
        this.heard = facts.now;
      }
      const resumed = this.pausedAt !== null && facts.paused === null;
      const moved = facts.limit && facts.limit !== this.limit ? facts.limit - this.limit : 0;
      if (moved) {
        this.limit = facts.limit;
        this.announced = WARN_MINUTES.length;
      }
      if (facts.paused !== undefined && (facts.paused === null) !== (this.pausedAt === null)) {
        this.pausedAt = facts.paused;
        this.told.paused(facts.paused !== null);
      }
      if (this.isUp && this.left() > 0) {
        this.isUp = false;
        this.told.thawed();
      }
      this.tick();
      if (moved || resumed) this.told.moved(Math.round(moved / 6000) / 10, this.limit, resumed);
    }

    left() {
      const at = this.pausedAt === null ? this.now() : Math.min(this.now(), this.pausedAt);
      return Math.max(0, this.limit - at);
    }

    tick() {
      const left = this.left();
      const seconds = Math.ceil(left / 1000);
      const hours = Math.floor(seconds / 3600);
      by("left").textContent = (hours ? hours + ":" + pad(Math.floor(seconds / 60) % 60) : pad(Math.floor(seconds / 60))) + ":" + pad(seconds % 60);
      by("time").dataset.near = seconds <= 60 ? "1" : seconds <= 300 ? "5" : "";
      if (this.stopped || this.pausedAt !== null) return;
      const passed = WARN_MINUTES.filter((minutes) => seconds > minutes * 60).length;
      if (passed < this.announced && seconds > 0) this.told.said("还剩 " + Math.ceil(seconds / 60) + " 分钟");
      this.announced = passed;
      if (left <= 0 && !this.isUp) {
        this.isUp = true;
        this.told.up();
      }
    }
  }

  Object.assign(window.pufa, { Clock: Clock, clockText: clockText });
})();
