/* The paper: sends changes, keeps the server's time, says honestly what is saved, hands in. */
(function () {
  "use strict";

  const pufa = window.pufa;
  const by = (id) => document.getElementById(id);
  const state = JSON.parse(by("state").textContent);
  const TEXT_PAUSE_MS = 1200;
  const FETCH_MS = 15000;
  const WARN_MINUTES = [10, 5, 1];

  let csrf = state.csrf;
  let limit = state.limit;
  let offset = state.now - performance.now();
  let failures = 0;
  let offline = false;
  let sending = false;
  let ended = false;
  let timeUp = false;
  let savedAt = null;
  let pumpTimer = 0;
  let announced = WARN_MINUTES.length;

  const serverNow = () => performance.now() + offset;
  const queue = new pufa.Queue(state.attempt, state.writer, serverNow);
  const sheet = new pufa.Sheet(by("questions"), by("card"), (question, answer, isText) => {
    if (ended) return;
    queue.put(question, answer);
    showSaving();
    schedule(isText ? TEXT_PAUSE_MS : 0);
  }, (flags) => queue.flags(flags));
  const unsaved = () => queue.questions().length;
  const review = new pufa.Review(sheet, unsaved, handIn);
  const again = new pufa.LoginAgain(state.number, (token, attempt) => {
    if (attempt !== state.attempt) { location.replace("/"); return; }
    csrf = token;
    failures = 0;
    schedule(0);
    pulse();
  });

  /* ---------------------------------------------------------- what the candidate is told */

  const pad = (number) => String(number).padStart(2, "0");

  function clockText(instant) {
    const beijing = new Date(instant + 8 * 3600000);
    return pad(beijing.getUTCHours()) + ":" + pad(beijing.getUTCMinutes()) + ":" + pad(beijing.getUTCSeconds());
  }

  function say(text) {
    by("say").textContent = text;
  }

  function showSaving() {
    const left = unsaved();
    const box = by("save");
    let kind = "saved";
    let text = "已全部保存 " + clockText(savedAt === null ? state.now : savedAt);
    if (left && offline) { kind = "offline"; text = "网络中断，" + left + " 题暂存在本机"; }
    else if (left && failures) { kind = "retry"; text = "有 " + left + " 题尚未保存，正在重试"; }
    else if (left) { kind = "saving"; text = "正在保存…"; }
    if (box.dataset.state !== kind && (kind === "retry" || kind === "offline")) say(text);
    else if (kind === "saved" && (box.dataset.state === "retry" || box.dataset.state === "offline")) say("答案已全部保存");
    box.dataset.state = kind;
    by("save-text").textContent = text;
    review.refresh();
  }

  function banner(text) {
    by("banner").textContent = text;
    by("banner").hidden = !text;
  }

  function end(title, text, code, action) {
    ended = true;
    sheet.freeze();
    by("finish").disabled = true;
    by("finish-below").disabled = true;
    pufa.stop(title, text, code, action);
  }

  /* ---------------------------------------------------------- the server */

  async function ask(path, body) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), FETCH_MS);
    const before = performance.now();
    try {
      const options = { credentials: "same-origin", signal: abort.signal, cache: "no-store" };
      if (body) Object.assign(options, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", "x-csrf": csrf } });
      const answer = await fetch(path, options);
      const facts = await answer.json();
      offline = false;
      if (answer.ok && facts.now) synchronise(facts, before);
      return { ok: answer.ok, status: answer.status, facts: facts };
    } catch (error) {
      offline = true;
      return { ok: false, status: 0, facts: {} };
    } finally {
      clearTimeout(timer);
    }
  }

  function synchronise(facts, before) {
    const after = performance.now();
    if (after - before < 5000) offset = facts.now + (after - before) / 2 - after;
    if (!facts.limit || facts.limit === limit) return;
    const minutes = Math.round((facts.limit - limit) / 6000) / 10;
    limit = facts.limit;
    announced = WARN_MINUTES.length;
    tick();
    if (minutes > 0) {
      banner("监考人员已为您加时 " + minutes + " 分钟，新的结束时间是 " + clockText(limit) + "。");
      say(by("banner").textContent);
    }
  }

  /* A refusal that ends or holds the page; whether it was one. */
  function refused(answer) {
    const facts = answer.facts;
    if (facts.reason === "session" || facts.reason === "form_token" || facts.reason === "not_started") again.open();
    else if (facts.reason === "stale") stale(facts.text, facts.code);
    else if (facts.reason === "handed_in" || facts.reason === "closed") finished();
    else if (facts.reason === "void") end("本次作答已被终止", facts.text, facts.code, null);
    else if (facts.reason === "bad_answer" || facts.reason === "bad_request") end("请刷新页面", facts.text, facts.code, ["刷新页面", () => location.reload()]);
    else return false;
    return true;
  }

  function stale(text, code) {
    queue.forgetPage();
    end("这个页面不能再作答", text || "考试已在另一个页面继续，这个页面不再保存答案。请关闭这个页面，到最新打开的页面作答。", code || "K03", ["在这里继续考试", () => location.replace("/paper")]);
  }

  function finished() {
    ended = true;
    queue.forget();
    location.replace("/done");
  }

  /* ---------------------------------------------------------- saving */

  function schedule(wait) {
    clearTimeout(pumpTimer);
    pumpTimer = setTimeout(pump, wait);
  }

  async function pump() {
    if (sending || ended || !queue.items.length) return;
    sending = true;
    const answer = await ask("/api/save", { writer: state.writer, acked: queue.acked(), changes: queue.batch() });
    sending = false;
    if (ended) return;
    if (answer.ok) {
      failures = 0;
      queue.settle(answer.facts.acks);
      savedAt = answer.facts.now;
      if (queue.items.length) schedule(0);
    } else if (!refused(answer)) {
      failures += 1;
      schedule(Math.min(15000, 1000 * Math.pow(2, failures - 1)) * (0.8 + Math.random() * 0.4));
    }
    showSaving();
    if (timeUp && !queue.items.length) closeAtLimit();
  }

  async function handIn(unanswered) {
    if (queue.items.length) return "还有答案没有保存，请稍候再交。";
    const answer = await ask("/api/handin", { writer: state.writer, acked: queue.acked(), changes: [], unanswered: unanswered });
    if (answer.ok) { finished(); return ""; }
    if (refused(answer)) return "";
    return answer.facts.text ? answer.facts.text + "（编号 " + answer.facts.code + "）" : "交卷没有成功：连不上服务器。答案都在，请稍候再点一次。";
  }

  /* ---------------------------------------------------------- time */

  function tick() {
    const left = Math.max(0, limit - serverNow());
    const seconds = Math.ceil(left / 1000);
    const hours = Math.floor(seconds / 3600);
    by("left").textContent = (hours ? hours + ":" + pad(Math.floor(seconds / 60) % 60) : pad(Math.floor(seconds / 60))) + ":" + pad(seconds % 60);
    by("time").dataset.near = seconds <= 60 ? "1" : seconds <= 300 ? "5" : "";
    const passed = WARN_MINUTES.filter((minutes) => seconds > minutes * 60).length;
    if (passed < announced && seconds > 0) say("还剩 " + WARN_MINUTES[passed] + " 分钟");
    announced = passed;
    if (left <= 0 && !timeUp && !ended) {
      timeUp = true;
      sheet.freeze();
      by("finish").disabled = true;
      by("finish-below").disabled = true;
      pufa.stop("考试时间到", "正在交卷，请不要关闭页面…", "", null);
      if (queue.items.length) schedule(0); else closeAtLimit();
    }
  }

  async function closeAtLimit() {
    if (ended) return;
    const answer = await ask("/api/handin", { writer: state.writer, acked: queue.acked(), changes: [], unanswered: null });
    if (answer.ok) { finished(); return; }
    if (answer.facts.reason === "bad_request") { setTimeout(closeAtLimit, 500); return; }
    if (refused(answer)) return;
    pufa.stop("考试时间到", "暂时连不上服务器。答案已存在本机，正在重试；请不要关闭页面，举手告诉监考人员。", "B01", null);
    setTimeout(closeAtLimit, 3000);
  }

  let pulseTimer = 0;

  async function pulse() {
    clearTimeout(pulseTimer);
    if (ended) return;
    const answer = await ask("/api/pulse", null);
    if (ended) return;
    if (answer.ok && answer.facts.state === "closed") { if (queue.items.length) schedule(0); else finished(); }
    else if (answer.ok && answer.facts.writer > state.writer) stale();
    else if (!answer.ok) refused(answer);
    if (answer.ok && queue.items.length && failures) schedule(0);
    showSaving();
    pulseTimer = setTimeout(pulse, answer.facts.next || 4000);
  }

  /* ---------------------------------------------------------- begin */

  const waiting = queue.adopt(state.typed);
  const answers = Object.assign({}, state.answers);
  for (const question of waiting) answers[question] = queue.get(question);
  sheet.load(answers, queue.flags());
  if (waiting.length) banner("上次有 " + waiting.length + " 题没来得及保存，已从本机找回，正在补存。请核对这些题。");
  queue.announce(state.writer, () => { if (!ended) stale(); });
  showSaving();
  tick();
  setInterval(tick, 250);
  schedule(0);
  pulseTimer = setTimeout(pulse, state.pulse);

  for (const id of ["finish", "finish-below"]) by(id).addEventListener("click", () => review.open());
  by("next-open").addEventListener("click", () => {
    const open = sheet.open();
    if (!open.length) { say("没有未答的题"); return; }
    const here = document.activeElement && document.activeElement.closest ? document.activeElement.closest(".question") : null;
    const from = here ? Number(here.dataset.number) : sheet.lastJump || 0;
    const next = open.find((question) => Number(question.number) > from) || open[0];
    sheet.lastJump = Number(next.number);
    next.go();
  });
  window.addEventListener("online", () => { schedule(0); pulse(); });
  window.addEventListener("offline", () => { offline = true; showSaving(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) pulse(); });
  window.addEventListener("pageshow", (shown) => { if (shown.persisted) location.reload(); });
  window.addEventListener("beforeunload", (leaving) => {
    if (queue.items.length && !ended) { leaving.preventDefault(); leaving.returnValue = ""; }
  });
})();
