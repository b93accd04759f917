"""The forms of a page as a browser would send them, read off its HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Field:
    """One field: its name, its type (``select`` and ``textarea`` too), and the values it offers."""

    name: str
    kind: str
    values: list[str] = field(default_factory=list)


@dataclass
class Form:
    """One form that is posted."""

    action: str
    fields: list[Field] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(known.get("action", ""))
            if known.get("method", "get").lower() == "post":
                self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag in ("input", "textarea", "select", "button") and known.get("name"):
            kind = known.get("type", "text") if tag == "input" else tag
            self._form.fields.append(Field(known["name"], kind, [known["value"]] if "value" in known else []))
        elif tag == "option" and self._form.fields:
            self._form.fields[-1].values.append(known.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


def forms_of(page: str) -> list[Form]:
    """Every form of a page that is posted."""
    reader = _Reader()
    reader.feed(page)
    return reader.forms
