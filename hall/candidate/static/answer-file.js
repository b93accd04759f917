/* The answer file: what could not be sent, for the officer's stick. Its form and what it proves: exams/answer_seal.py.
   AES-256-GCM where the browser has WebCrypto; where it has none, HMAC-SHA-256 in plain script, so that nobody can alter it. */
(function () {
  "use strict";

  /* SHA-256 after FIPS 180-4. The constants are the first 32 bits of the fractions of square and cube roots of primes. */
  const K = [];
  const START = [];
  for (let candidate = 2; K.length < 64; candidate += 1) {
    let prime = true;
    for (let factor = 2; factor * factor <= candidate; factor += 1) if (candidate % factor === 0) prime = false;
    if (!prime) continue;
    const fraction = (root) => Math.floor((root - Math.floor(root)) * 4294967296) | 0;
    if (START.length < 8) START.push(fraction(Math.sqrt(candidate)));
    K.push(fraction(Math.cbrt(candidate)));
  }
  const turn = (word, bits) => (word >>> bits) | (word << (32 - bits));

  function sha256(bytes) {
    const padded = new Uint8Array(((bytes.length + 72) >> 6) << 6);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setUint32(padded.length - 8, Math.floor(bytes.length / 536870912));
    view.setUint32(padded.length - 4, bytes.length << 3);
    const h = START.slice();
    const w = new Int32Array(64);
    for (let block = 0; block < padded.length; block += 64) {
      for (let n = 0; n < 16; n += 1) w[n] = view.getInt32(block + 4 * n);
      for (let n = 16; n < 64; n += 1) {
        const s0 = turn(w[n - 15], 7) ^ turn(w[n - 15], 18) ^ (w[n - 15] >>> 3);
        const s1 = turn(w[n - 2], 17) ^ turn(w[n - 2], 19) ^ (w[n - 2] >>> 10);
        w[n] = (w[n - 16] + s0 + w[n - 7] + s1) | 0;
      }
      const v = h.slice();
      for (let n = 0; n < 64; n += 1) {
        const s1 = turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25);
        const t1 = (v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[n] + w[n]) | 0;
        const s0 = turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22);
        const t2 = (s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]))) | 0;
        v.pop();
        v.unshift((t1 + t2) | 0);
        v[4] = (v[4] + t1) | 0;
      }
      for (let n = 0; n < 8; n += 1) h[n] = (h[n] + v[n]) | 0;
    }
    const out = new DataView(new ArrayBuffer(32));
    h.forEach((word, n) => out.setInt32(4 * n, word));
    return new Uint8Array(out.buffer);
  }

  function joined(...parts) {
    const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let place = 0;
    for (const part of parts) { out.set(part, place); place += part.length; }
    return out;
  }

  /* RFC 2104; the key is 32 bytes here, shorter than a block. */
  function hmac(key, message) {
    const pad = (value) => Uint8Array.from({ length: 64 }, (_, n) => (n < key.length ? key[n] : 0) ^ value);
    return sha256(joined(pad(0x5c), sha256(joined(pad(0x36), message))));
  }

  function base64(bytes) {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  }

  const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

  /* facts: sitting, attempt, number, writer, seal (64 bytes, base64); changes: [[question, answer, ms], ...]; the file's text. */
  async function make(facts, changes, now) {
    const utf8 = new TextEncoder();
    const keys = bytesOf(facts.seal);
    const nonce = crypto.getRandomValues(new Uint8Array(12));
    const plain = utf8.encode(JSON.stringify(changes));
    const subtle = window.crypto && crypto.subtle;
    const file = {
      pufa: "answer-file", version: 1, mode: subtle ? "aes-gcm" : "hmac", sitting: facts.sitting, attempt: facts.attempt,
      number: facts.number, writer: facts.writer, made_at: Math.round(now), nonce: base64(nonce),
    };
    const header = utf8.encode(["pufa answer-file 1", file.mode, file.sitting, file.attempt, file.number, file.writer, file.made_at, file.nonce].join("\n"));
    if (subtle) {
      const key = await subtle.importKey("raw", keys.slice(0, 32), "AES-GCM", false, ["encrypt"]);
      file.body = base64(new Uint8Array(await subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData: header }, key, plain)));
    } else {
      file.body = base64(plain);
      file.mac = base64(hmac(keys.slice(32), joined(header, utf8.encode("\n"), plain)));
    }
    return JSON.stringify(file);
  }

  async function download(facts, changes, now) {
    const text = await make(facts, changes, now);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "答案文件-" + facts.number + ".json";
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  window.pufa = Object.assign(window.pufa || {}, { downloadAnswers: download });
})();
