"""A form as it was filled in: the page's own HTML with what was typed put back into the form that was sent.

Only the tags of fields are written anew, every value escaped; the rest of the page stays as the template made it. What was sent
never makes a field, a name or an option: it only fills, ticks or chooses what the page has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from urllib.parse import unquote

#: an uploaded file that is kept, its name and token; the fields with which the next attempt names it or lets it go
KEPT, DROPPED = "kept.", "drop."
#: the address of the page that a form stood on, for an attempt after the first
STOOD_ON = "stood_on"
#: these carry no text of the person's; a secret is never sent back
_NOT_FILLED = frozenset(("hidden", "password", "file", "submit", "button", "reset", "image"))
_SECRET = ("one-time-code", "current-password", "new-password")
_TICKED = frozenset(("checkbox", "radio"))

Attributes = list[tuple[str, str | None]]


@dataclass(frozen=True)
class Sent:
    """A form that was sent: its action (unquoted), its fields, {file field: (name, token)} of the files kept, and the page it stood on."""

    action: str
    fields: Mapping[str, str]
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    stood_on: str = ""


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    text: str


@dataclass
class _Form:
    """One form of the page with the edits that would fill it; ``likeness`` tells it from others with the same action."""

    likeness: int = 0
    typed: bool = False
    edits: list[_Edit] = field(default_factory=list)
    file_edits: list[_Edit] = field(default_factory=list)


@dataclass
class _Option:
    start: int
    end: int
    attributes: Attributes
    value: str | None
    text: str = ""


def tag(name: str, attributes: Attributes) -> str:
    """A start tag, its values escaped.

    >>> tag("input", [("value", 'a"><b'), ("required", None)])
    '<input value="a&quot;&gt;&lt;b" required>'
    """
    return f"<{name}{''.join(f' {key}' if value is None else f' {key}={chr(34)}{escape(value)}{chr(34)}' for key, value in attributes)}>"


def _set(attributes: Attributes, name: str, value: str | None, on: bool = True) -> Attributes:
    """The attributes with one set to ``value``, or left out."""
    rest = [(key, was) for key, was in attributes if key != name]
    return [*rest, (name, value)] if on else rest


class _Reader(HTMLParser):
    """Finds the forms that post to the action, and what would fill each."""

    def __init__(self, page: str, sent: Sent) -> None:
        super().__init__()
        self.sent, self.forms = sent, list[_Form]()
        self._lines = [0]
        for line in page.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self._form: _Form | None = None
        self._details: list[_Edit | None] = []
        self._select: str | None = None
        self._options: list[_Option] = []
        self._textarea: tuple[str, int] | None = None
        self.feed(page)
        self.close()

    def _here(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, name: str, attributes: Attributes) -> None:
        start, known = self._here(), {key: value or "" for key, value in attributes}
        end = start + len(self.get_starttag_text() or "")
        if name == "details":
            self._details.append(None if "open" in known else _Edit(start, end, tag(name, _set(attributes, "open", None))))
        elif name == "form":
            self._begin_form(end, known)
        elif self._form is not None:
            self._field(name, start, end, attributes, known)

    def _begin_form(self, end: int, known: Mapping[str, str]) -> None:
        if known.get("method", "get").lower() != "post" or unquote(known.get("action", "")) != self.sent.action:
            return
        self._form = _Form()
        self.forms.append(self._form)
        self._unfold(self._form)
        if self.sent.stood_on:
            self._form.edits.append(_Edit(end, end, tag("input", [("type", "hidden"), ("name", STOOD_ON), ("value", self.sent.stood_on)])))

    def _unfold(self, form: _Form) -> None:
        form.edits += [one for one in self._details if one is not None and one not in form.edits]

    def _field(self, name: str, start: int, end: int, attributes: Attributes, known: Mapping[str, str]) -> None:
        form, field_name = self._form, known.get("name", "")
        assert form is not None
        if name == "option" and self._select is not None:
            self._options.append(_Option(start, end, attributes, known.get("value")))
        elif name == "select":
            self._select, self._options, form.typed = field_name, [], True
        elif name == "textarea":
            self._textarea, form.typed = (field_name, end), True
        elif name == "input":
            self._input(form, start, end, attributes, known)

    def _input(self, form: _Form, start: int, end: int, attributes: Attributes, known: Mapping[str, str]) -> None:
        kind, name = known.get("type", "text").lower(), known.get("name", "")
        sent = self.sent.fields.get(name)
        if kind == "hidden":
            form.likeness += 0 if name == "csrf" else 4 if sent == known.get("value", "") else -4
        if kind == "file" and name in self.sent.files:
            self._file(form, name, start, end, attributes)
        if kind in _NOT_FILLED or known.get("autocomplete", "") in _SECRET or not name:
            return
        form.typed = True
        form.likeness += sent is not None
        if kind in _TICKED:
            ticked = sent is not None and sent == known.get("value", "on")
            form.edits.append(_Edit(start, end, tag("input", _set(attributes, "checked", None, ticked))))
        elif sent is not None:
            form.edits.append(_Edit(start, end, tag("input", _set(attributes, "value", sent))))
        if sent:
            self._unfold(form)

    def _file(self, form: _Form, name: str, start: int, end: int, attributes: Attributes) -> None:
        shown, token = self.sent.files[name]
        hidden = tag("input", [("type", "hidden"), ("name", KEPT + name), ("value", token)])
        drop = tag("input", [("type", "checkbox"), ("name", DROPPED + name), ("value", "yes")])
        told = f'<span class="hint kept-file">已保留刚才选的文件“{escape(shown)}”，一小时内不用再选；要换就重新选择。<label class="tick">{drop} 不要这个文件</label></span>'
        form.file_edits.append(_Edit(start, end, tag("input", _set(attributes, "required", None, on=False)) + hidden + told))
        self._unfold(form)

    def handle_data(self, data: str) -> None:
        if self._options:
            self._options[-1].text += data

    def handle_endtag(self, name: str) -> None:
        if name == "details" and self._details:
            self._details.pop()
        elif name == "form":
            self._form = None
        elif name == "textarea" and self._textarea and self._form:
            (field_name, start), self._textarea = self._textarea, None
            if (sent := self.sent.fields.get(field_name)) is not None:
                self._form.likeness += 1
                self._form.edits.append(_Edit(start, self._here(), "\n" + escape(sent)))
                self._unfold(self._form)
        elif name == "select" and self._form and self._select is not None:
            self._choose(self._form, self.sent.fields.get(self._select))
            self._select, self._options = None, []

    def _choose(self, form: _Form, sent: str | None) -> None:
        """Choose what was chosen; what the page does not offer any more leaves the page's own choice."""
        values = [" ".join(one.text.split()) if one.value is None else one.value for one in self._options]
        form.likeness += sent is not None
        if sent not in values:
            return
        if sent:
            self._unfold(form)
        for one, value in zip(self._options, values, strict=True):
            form.edits.append(_Edit(one.start, one.end, tag("option", _set(one.attributes, "selected", None, value == sent))))


def refill(page: str, sent: Sent) -> str | None:
    """The page with the form as it was sent; of several with this action, the likest. None: the page has no such form."""
    forms = _Reader(page, sent).forms
    if not forms:
        return None
    best = max(forms, key=lambda one: one.likeness)
    edits = [*best.edits, *(best.file_edits if best.typed else ())]
    for one in sorted(edits, key=lambda one: (one.start, one.end), reverse=True):  # from the end; what goes before a field, after the field
        page = page[: one.start] + one.text + page[one.end :]
    return page
