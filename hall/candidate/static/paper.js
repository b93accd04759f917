/* The paper: sends changes, says honestly what is saved, keeps to the server's time, hands in. */
(function () {
  "use strict";

  const pufa = window.pufa;
  const by = (id) => document.getElementById(id);
  const state = JSON.parse(by("state").textContent);
  const TEXT_PAUSE_MS = 1200;
  const FETCH_MS = 15000;
  const OFFER_MS = 60000;
  const AWAY_MS = 2000;
  const TOLD_FROM_MIN = 0.5;
  const SPREAD_MS = 3000;              /* a hall full of pages whose time is up in the same second; all is saved already */

  let csrf = state.csrf;
  let failures = 0;
  let failingSince = null;
  let offline = false;
  let sending = false;
  let ended = false;
  let savedAt = null;
  let pumpTimer = 0;
  let awaySince = null;
  let wasAt = null;

  const clock = new pufa.Clock(state.now, state.limit, { said: say, up: timeUp, thawed: thawed, paused: paused, moved: moved });
  const queue = new pufa.Queue(state.attempt, state.writer, () => clock.now());
  const link = new pufa.Link(heard, pulse);
  const sheet = new pufa.Sheet(by("questions"), by("card"), (question, answer, isText) => {
    if (ended || clock.pausedAt !== null) return;
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
    link.open();
  });

  /* ---------------------------------------------------------- what the candidate is told */

  function say(text) {
    by("say").textContent = text;
  }

  function showSaving() {
    const left = unsaved();
    const box = by("save");
    let kind = "saved";
    let text = "已全部保存 " + pufa.clockText(savedAt === null ? state.now : savedAt);
    if (left && offline) { kind = "offline"; text = "网络中断，" + left + " 题暂存在本机"; }
    else if (left && failures) { kind = "retry"; text = "有 " + left + " 题尚未保存，正在重试"; }
    else if (left) { kind = "saving"; text = "正在保存…"; }
    if (box.dataset.state !== kind && (kind === "retry" || kind === "offline")) say(text);
    else if (kind === "saved" && (box.dataset.state === "retry" || box.dataset.state === "offline")) say("答案已全部保存");
    box.dataset.state = kind;
    by("save-text").textContent = text;
    review.refresh();
    offer();
  }

  /* After a minute without a save the answers can be taken away on a stick. */
  function offer() {
    const due = unsaved() > 0 && failingSince !== null && performance.now() - failingSince > OFFER_MS;
    if (due && by("offer").hidden) say(by("offer-text").textContent);
    by("offer").hidden = !due;
    by("desk").toggleAttribute("data-offer", due);
  }

  function saveFile() {
    pufa.downloadAnswers(state, queue.changes(), clock.now());
  }

  function banner(text) {
    by("banner").textContent = text;
    by("banner").hidden = !text;
    say(text);
  }

  function still() {
    const frozen = ended || clock.isUp || clock.pausedAt !== null;
    sheet.freeze(frozen);
    by("finish").disabled = frozen;
    by("finish-below").disabled = frozen;
  }

  function end(title, text, code, actions) {
    ended = true;
    clock.stopped = true;
    link.stop();
    still();
    pufa.stop(title, text, code, actions);
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
      if (answer.ok && facts.now && facts.state !== "void") clock.hear(facts, before);
      return { ok: answer.ok, status: answer.status, facts: facts };
    } catch (error) {
      offline = true;
      return { ok: false, status: 0, facts: {} };
    } finally {
      clearTimeout(timer);
    }
  }

  /* A refusal that ends or holds the page; whether it was one. */
  function refused(answer) {
    const facts = answer.facts;
    if (facts.reason === "session" || facts.reason === "form_token" || facts.reason === "not_started") again.open();
    else if (facts.reason === "paused") { if (clock.pausedAt === null) pulse(); }
    else if (facts.reason === "stale") stale(facts.text, facts.code);
    else if (facts.reason === "handed_in" || facts.reason === "closed") finished();
    else if (facts.reason === "void") end("本次作答已被终止", facts.text, facts.code, []);
    else if (facts.reason === "bad_answer" || facts.reason === "bad_request") end("请刷新页面", facts.text, facts.code, [["刷新页面", () => location.reload()]]);
    else return false;
    return true;
  }

  function stale(text, code) {
    queue.forgetPage();
    end("这个页面不能再作答", text || "考试已在另一个页面继续，这个页面不再保存答案。请关闭这个页面，到最新打开的页面作答。", code || "K03", [["在这里继续考试", () => location.replace("/paper")]]);
  }

  function finished() {
    if (ended) return;
    const left = unsaved();
    if (left) {
      end("本场已经收卷", "有 " + left + " 题没来得及送到服务器，还留在这台电脑里。请举手，请监考人员看着您下载答案文件，再离开。", "K05",
        [["下载答案文件", saveFile], ["离开", () => location.replace("/done")]]);
      return;
    }
    ended = true;
    link.stop();
    queue.forget();
    location.replace("/done");
  }

  /* How the attempt stands, from the stream or from an answer. */
  function heard(facts) {
    if (ended) return;
    if (facts.state === "out") { pulse(); return; }
    if (facts.now && facts.state !== "void") clock.hear(facts, null);   // the end of a paused paper is no resumption
    stands(facts);
  }

  function stands(facts) {
    if (ended) return;
    if (facts.state === "void") end("本次作答已被终止", "本次作答已被终止。请举手找监考人员。", "K06", []);
    else if (facts.state === "closed") { if (queue.items.length) schedule(0); else finished(); }
    else if (facts.writer > state.writer) stale();
    else if (queue.items.length && failures) schedule(0);
  }

  /* Ask once; whether the server answered and the page goes on. */
  async function pulse() {
    if (ended) return false;
    const rest = queue.rest(0);
    const answer = await ask("/api/pulse?unsaved=" + rest.unsaved + "&age=" + rest.age, null);
    if (ended) return false;
    if (answer.ok) stands(answer.facts); else refused(answer);
    showSaving();
    return answer.ok;
  }

  /* ---------------------------------------------------------- saving */

  function schedule(wait) {
    clearTimeout(pumpTimer);
    pumpTimer = setTimeout(pump, wait);
  }

  function request() {
    const acked = queue.acked();
    const changes = queue.batch();
    return Object.assign({ writer: state.writer, acked: acked, changes: changes }, queue.rest(changes.length));
  }

  async function pump() {
    if (sending || ended || !queue.items.length) return;
    sending = true;
    const answer = await ask("/api/save", request());
    sending = false;
    if (ended) return;
    if (answer.ok) {
      failures = 0;
      failingSince = null;
      queue.settle(answer.facts.acks);
      savedAt = answer.facts.now;
      if (queue.items.length) schedule(0);
    } else if (!refused(answer)) {
      failures += 1;
      if (failingSince === null) failingSince = performance.now();
      if (failures % 4 === 0) pulse();
      schedule(Math.min(15000, 1000 * Math.pow(2, failures - 1)) * (0.8 + Math.random() * 0.4));
    }
    showSaving();
    if (clock.isUp && !queue.items.length) closeAtLimit();
  }

  async function handIn(unanswered) {
    if (queue.items.length) return "还有答案没有保存，请稍候再交。";
    const answer = await ask("/api/handin", { writer: state.writer, acked: queue.acked(), changes: [], unanswered: unanswered });
    if (answer.ok) { finished(); return ""; }
    if (refused(answer)) return "";
    return answer.facts.text ? answer.facts.text + "（编号 " + answer.facts.code + "）" : "交卷没有成功：连不上服务器。答案都在，请稍候再点一次。";
  }

  /* ---------------------------------------------------------- time */

  function timeUp() {
    still();
    pufa.stop("考试时间到", "正在交卷，请不要关闭页面…", "", []);
    if (queue.items.length) schedule(0); else setTimeout(closeAtLimit, Math.random() * SPREAD_MS);
  }

  function thawed() {
    if (ended) return;
    pufa.goOn();
    still();
  }

  async function closeAtLimit() {
    if (ended || !clock.isUp || clock.pausedAt !== null) return;
    const answer = await ask("/api/handin", { writer: state.writer, acked: queue.acked(), changes: [], unanswered: null });
    if (answer.ok) { finished(); return; }
    if (ended || !clock.isUp) return;
    if (answer.facts.reason === "time_left") {      /* by the server's clock there is time left: perhaps more was given */
      await pulse();
      setTimeout(closeAtLimit, 500);
      return;
    }
    if (refused(answer)) return;
    pufa.stop("考试时间到", "暂时连不上服务器。答案已存在本机，正在重试；请不要关闭页面，举手告诉监考人员。", "B01", []);
    setTimeout(closeAtLimit, 3000);
  }

  /* During a pause nothing of the paper is on the screen and nothing can be typed; what was typed before is still sent. */
  function paused(on) {
    if (ended) return;
    if (on) {
      wasAt = [document.activeElement, window.scrollY];
      if (by("review").open) by("review").close();
      drafts.hide();
      schedule(0);
    }
    by("desk").hidden = on;
    by("paused").hidden = !on;
    still();
    if (on) { by("paused").focus(); say(by("paused-text").textContent); return; }
    window.scrollTo(0, wasAt[1]);
    if (wasAt[0] && wasAt[0] !== document.body) wasAt[0].focus({ preventScroll: true });
    drafts.show();
    schedule(0);
    if (clock.isUp && clock.left() <= 0) closeAtLimit();
  }

  function moved(minutes, limit, afterPause) {
    if (ended) return;
    const until = "新的结束时间是 " + pufa.clockText(limit) + "。";
    if (afterPause) banner("考试已恢复，暂停的时间已经补上。" + until);
    else if (minutes >= TOLD_FROM_MIN) banner("已为您加时 " + minutes + " 分钟，" + until);
    else if (minutes <= -TOLD_FROM_MIN) banner("刚才多加的时间有误，已收回 " + -minutes + " 分钟，" + until);
  }

  /* ---------------------------------------------------------- begin */

  const waiting = queue.adopt(state.typed);
  queue.seal({ sitting: state.sitting, attempt: state.attempt, number: state.number, writer: state.writer, seal: state.seal });
  const answers = Object.assign({}, state.answers);
  for (const question of waiting) answers[question] = queue.get(question);
  sheet.load(answers, queue.flags());
  by("answers").disabled = false;   // until now a choice would have been overwritten by what is stored
  if (waiting.length) banner("上次有 " + waiting.length + " 题没来得及保存，已从本机找回，正在补存。请核对这些题。");
  const drafts = new pufa.Drafts(sheet, queue.drafts, (taken) => {
    queue.settleDrafts(taken);
    for (const question of queue.questions()) sheet.take(question, queue.get(question));
    showSaving();
    schedule(0);
  });
  drafts.show();
  queue.announce(state.writer, () => { if (!ended) stale(); });
  showSaving();
  clock.start();
  schedule(0);
  link.open();
  setInterval(offer, 1000);

  for (const id of ["finish", "finish-below"]) by(id).addEventListener("click", () => review.open());
  by("offer-save").addEventListener("click", saveFile);
  by("next-open").addEventListener("click", () => {
    const open = sheet.open();
    if (!open.length) { say("没有未答的题"); return; }
    const here = document.activeElement && document.activeElement.closest ? document.activeElement.closest(".question") : null;
    const from = here ? Number(here.dataset.number) : sheet.lastJump || 0;
    const next = open.find((question) => Number(question.number) > from) || open[0];
    sheet.lastJump = Number(next.number);
    next.go();
  });
  window.addEventListener("online", () => { schedule(0); link.again(); });
  window.addEventListener("offline", () => { offline = true; showSaving(); });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { awaySince = performance.now(); return; }
    const gone = awaySince === null ? 0 : performance.now() - awaySince;
    awaySince = null;
    if (gone >= AWAY_MS && !ended) ask("/api/away", { ms: Math.round(gone) });
    link.again();
  });
  window.addEventListener("pageshow", (shown) => { if (shown.persisted) location.reload(); });
  window.addEventListener("beforeunload", (leaving) => {
    if (queue.items.length && !ended) { leaving.preventDefault(); leaving.returnValue = ""; }
  });
  window.addEventListener("pagehide", () => { if (!ended) queue.leave(); });
})();
