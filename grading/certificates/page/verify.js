// Follows noble-ed25519 in the same inline module. The same rules as grading/certificates/{statement,revocations,verify}.py.
const DATA = JSON.parse(document.getElementById("data").textContent);
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const KINDS = { certificate: "合格证书", score_sheet: "成绩通知单" };
const REASONS = DATA.reasons;
const ROWS = ["种类", "编号", null, "姓名（首末字）", "证件号码末几位", "考试名称", "结果", "总分", "考试日期", "有效期至", "制作日期", "签发单位", "考试性质"];
const text = new TextDecoder("utf-8", { fatal: true });
const encode = (string) => new TextEncoder().encode(string);
const join = (a, b) => { const whole = new Uint8Array(a.length + b.length); whole.set(a); whole.set(b, a.length); return whole; };
const unhex = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
let revoked = null;

class Refused extends Error {}

function unpack(raw) {
  const plain = raw.slice(0, 2000).normalize("NFKC").replace(/[\s\u200b\ufeff]+/g, "").toUpperCase();
  const damaged = new Refused("核验码不完整或有误：请重新扫描，确认扫到的是证书或成绩通知单上的二维码");
  if (!plain.startsWith("PUFA1-")) throw damaged;
  const bytes = [];
  let held = 0, bits = 0;
  const code = plain.slice(6);
  for (const letter of code) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw damaged;
    held = (held << 5) | value; bits += 5;
    if (bits >= 8) { bits -= 8; bytes.push((held >> bits) & 255); held &= (1 << bits) - 1; }
  }
  if (held !== 0 || bits >= 5 || bytes.length <= 64) throw damaged;   // unused bits must be zero: one statement has one spelling
  return [Uint8Array.from(bytes.slice(0, -64)), Uint8Array.from(bytes.slice(-64))];
}

async function signed(signature, message) {
  try { return await verifyAsync(signature, message, unhex(DATA.key), { zip215: false }); } catch (error) { return false; }
}

function why(body) {
  let signer = "";
  try { signer = String(JSON.parse(text.decode(body))[0]); } catch (error) { /* not even JSON: changed */ }
  return /^[0-9a-f]{8}$/.test(signer) && signer !== DATA.key_id
    ? `签名不是用本单位的密钥做的（对方密钥编号 ${signer}，本单位 ${DATA.key_id}）：可能由其他单位签发，或系伪造；请向签发单位核实`
    : "签名与内容不符：内容被改动过，或系伪造";
}

async function check(raw) {
  const [body, signature] = unpack(raw);
  if (!(await signed(signature, join(encode("pufa certificate 1\n"), body)))) throw new Refused(why(body));
  const fields = JSON.parse(text.decode(body)).slice(1);
  if (fields.length !== ROWS.length || !fields.every((field) => typeof field === "string")) throw new Refused("签名有效，但内容是本页不认识的格式；请向签发单位索取新的核验页");
  return fields;
}

function standing(fields) {
  const now = new Date(), pad = (n) => String(n).padStart(2, "0");
  const today = `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
  const gone = revoked && Object.prototype.hasOwnProperty.call(revoked.numbers, fields[1]) ? revoked.numbers[fields[1]] : null;
  if (gone) return [false, "已停用", `${gone[1]} 起停用：${REASONS[gone[0]] || gone[0]}`];
  if (/^\d{4}-\d\d-\d\d$/.test(fields[9]) && fields[9] < today) return [false, "已过期", `有效期至 ${fields[9]}，已经过期`];
  if (fields[12]) return [true, `签名有效（${fields[12]}）`, `系${fields[12]}考试，不作依据`];
  return [true, "有效", "签名有效，内容未被改动。请与手里的纸质件逐项核对："];
}

function make(tag, content, className) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.textContent = content || "";
  return node;
}

function show(good, title, message, fields) {
  const result = document.getElementById("result");
  const box = make("div", "", good ? "good" : "bad");
  box.append(make("h2", (good ? "✓ " : "✗ ") + title), make("p", message));
  result.replaceChildren(box);
  if (!fields) return;
  const table = document.createElement("table");
  ROWS.forEach((name, place) => {
    const value = place === 0 ? KINDS[fields[0]] || fields[0] : fields[place];
    if (!name || !value) return;
    const row = document.createElement("tr");
    row.append(make("th", name), make("td", value));
    table.append(row);
  });
  result.append(table);
}

async function run() {
  const box = document.getElementById("code");
  if (!box.value.trim()) return;
  try {
    const fields = await check(box.value);
    show(...standing(fields), fields);
  } catch (error) {
    show(false, "不能通过", error instanceof Refused ? error.message : "签名与内容不符：内容被改动过，或系伪造");
  }
  box.select();
}

async function load(file) {
  const state = document.getElementById("list-state");
  const [body, signature] = [file.trim().split("\n")[0] || "", (file.trim().split("\n")[1] || "").trim()];
  let list = null;
  if (/^[0-9a-f]{128}$/.test(signature) && (await signed(unhex(signature), encode("pufa revocations 1\n" + body)))) list = JSON.parse(body);
  if (!list || list.format !== "pufa-revocations-1") {
    state.textContent = "这份停用清单不是本单位签发的，或被改动过，没有采用。" + (revoked ? "仍用原来的清单。" : "");
    return;
  }
  if (revoked && revoked.made_at > list.made_at) { state.textContent = "这份清单比正在用的还旧，没有采用。"; return; }
  revoked = list;
  const day = new Date(list.made_at + 8 * 3600000).toISOString().slice(0, 16).replace("T", " ");
  state.textContent = `正在用的清单截至 ${day}（北京时间），共 ${Object.keys(list.numbers).length} 份停用。`;
}

document.getElementById("check").addEventListener("click", run);
document.getElementById("clear").addEventListener("click", () => {
  document.getElementById("code").value = ""; document.getElementById("result").replaceChildren(); document.getElementById("code").focus();
});
document.getElementById("code").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); run(); }
});
document.getElementById("list").addEventListener("change", async (event) => { if (event.target.files[0]) await load(await event.target.files[0].text()); });
if (DATA.revocations) load(DATA.revocations); else document.getElementById("list-state").textContent = "本页没有带停用清单：查不出已更正、撤销的证书。";
