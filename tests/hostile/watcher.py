"""A real Chromium that reports whatever a page runs, fetches or is kept from by its policy, and whatever stands in it that could act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Response

#: runs in every frame before anything of the page: the calls of the corpus report themselves, so do dialogs and the policy
HOOK = """
window.__seen = [];
for (const name of ['hit', 'alert', 'confirm', 'prompt', 'print', 'open'])
  window[name] = (...given) => { window.top.__seen.push(name + ' ' + given.join(' ')); };
document.addEventListener('securitypolicyviolation', (e) => window.top.__seen.push('policy ' + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));
"""
#: everything that could act, whether or not it did: judged by the parsed document, not by the text that was sent
INSPECT = """() => {
  const found = [], own = location.origin;
  const strange = 'iframe,frame,object,embed,applet,base,style,math,video,audio,source,track,portal,template,marquee,form[action*="trap"]';
  for (const e of document.querySelectorAll('*')) {
    const here = '<' + e.localName + ' ' + [...e.attributes].map((a) => a.name + '=' + a.value.slice(0, 60)).join(' ');
    if (e.matches(strange)) found.push('element ' + here);
    if (e.localName === 'script' && !(e.src.startsWith(own + '/static/') || e.type === 'application/json')) found.push('script ' + here);
    if (e.localName === 'meta' && e.httpEquiv) found.push('meta ' + here);
    if (e.namespaceURI.endsWith('svg') && !e.closest('[data-own],.icon,svg[aria-hidden],svg[role]')) found.push('svg ' + here);
    for (const a of e.attributes) {
      if (a.name.startsWith('on') || a.name === 'style' || a.name === 'srcdoc' || a.name === 'ping' || a.name === 'autofocus' && !e.matches('input,select,textarea,button,h1,h2')) found.push('attribute ' + here);
      if (['href', 'src', 'action', 'formaction', 'data', 'poster', 'xlink:href', 'background', 'cite', 'srcset'].includes(a.name)) {
        const to = new URL(a.value, document.baseURI);
        if (to.origin !== own || !['http:', 'https:'].includes(to.protocol)) found.push('address ' + here);
      }
    }
  }
  return found;
}"""
CLICK = """() => { for (const e of document.querySelectorAll('details')) e.open = true;
  for (const e of document.querySelectorAll('main *')) { e.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})); e.dispatchEvent(new PointerEvent('pointerenter')); } }"""


@dataclass
class Watcher:
    """Loads pages and keeps what was wrong with each, and the text that each showed."""

    browser: Browser
    faults: list[str] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)
    policies: set[str] = field(default_factory=set)

    def context(self, origin: str, cookies: Mapping[str, str]) -> Page:
        """A window with these cookies, hooked."""
        context = self.browser.new_context(base_url=origin, locale="zh-CN", viewport={"width": 1366, "height": 768})
        context.add_cookies([{"name": name, "value": value, "url": origin} for name, value in cookies.items()])
        context.add_init_script(HOOK)
        page = context.new_page()
        page.set_default_timeout(20_000)
        host = urlsplit(origin).netloc
        page.on("request", lambda asked: urlsplit(asked.url).netloc in (host, "") or self.faults.append(f"{page.url} asks {asked.url}"))
        page.on("dialog", lambda dialog: (self.faults.append(f"{page.url}: dialog {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        context.on("page", lambda other: other is page or self.faults.append(f"a new window: {other.url}"))
        return page

    def look(self, page: Page, path: str, name: str) -> Response:
        """Load an address and judge what came."""
        answer = page.goto(path, wait_until="load")
        assert answer is not None
        self.policies.add(answer.headers.get("content-security-policy", ""))
        if answer.status >= 500:
            self.faults.append(f"{name} {path}: {answer.status}")
        self.judge(page, f"{name} {path}")
        return answer

    def judge(self, page: Page, name: str) -> None:
        """What the page that is open did, and what stands in it."""
        page.evaluate(CLICK)
        found = [*page.evaluate("window.__seen"), *page.evaluate(INSPECT)]
        self.faults += [f"{name}: {one}" for one in found]
        self.shown[name] = page.inner_text("body") + page.evaluate("() => [...document.querySelectorAll('input,textarea,option')].map((e) => e.value).join('\\n')")
