"""The frame of every activity in a module: one look, large type, and plain HTML where widgets cannot be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets as widgets

from question_bank.rendering import inline_html, markdown_html

CSS = """
.pufa { max-width: 58em; border: 1px solid #b5bcc7; border-left: 6px solid #2b5c9e; border-radius: 4px; padding: 12px 20px; margin: 6px 0;
  overflow: visible; }
.pufa, .pufa .widget-html-content, .pufa label, .pufa textarea, .pufa button { font-size: 17px !important; line-height: 1.7 !important; }
.pufa .widget-html, .pufa .widget-html-content { height: auto; overflow: visible; }
.pufa p { margin: 4px 0 8px; }
.pufa .pufa-kind { color: #2b5c9e; font-weight: bold; margin: 0 0 4px; }
.pufa .widget-radio, .pufa .widget-radio-box, .pufa .widget-checkbox { height: auto; width: auto; max-width: 100%; overflow: visible; }
.pufa .widget-radio-box { margin: 0; padding: 0; }
.pufa .widget-radio-box label, .pufa .widget-checkbox label { height: auto; white-space: normal; padding: 5px 0; display: flex; align-items: baseline;
  gap: 9px; cursor: pointer; }
.pufa input[type=radio], .pufa input[type=checkbox] { width: 17px !important; height: 17px !important; flex: none; order: -1; margin: 0;
  position: relative; top: 2px; }
.pufa .widget-radio-box label { margin-right: 26px; }
.pufa > button { align-self: flex-start; }
.pufa button { height: auto; width: auto; min-width: 44px; padding: 4px 18px; white-space: normal; }
.pufa :focus-visible { outline: 3px solid #d98200; outline-offset: 2px; }
.pufa textarea { min-height: 9em; height: auto; }
.pufa .pufa-row { align-items: flex-start; border-top: 1px solid #e2e5ea; padding: 6px 0; gap: 8px; overflow: visible; }
.pufa .pufa-pair { flex-flow: row wrap; gap: 20px; overflow: visible; }
.pufa .pufa-pair > * { flex: 1 1 24em; min-width: 0; overflow: visible; }
.pufa .pufa-said { background: #f3f6fa; color: #1a1a1a; padding: 8px 14px; margin: 6px 0; border-radius: 4px; }
.pufa .pufa-good { border-left: 5px solid #1f7a3d; } .pufa .pufa-bad { border-left: 5px solid #b3261e; }
"""


class ActivityError(Exception):
    """A module asks for something impossible; the message is Chinese, and a notebook shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"这个练习不能显示：{self}"]


class Activity:
    """Something to do: ``widget`` is what JupyterLab shows, ``static`` is HTML for a reader without widgets."""

    def __init__(self, kind: str, static: str, *children: Any) -> None:
        self.static = static
        title = widgets.HTML(f'<style>{CSS}</style><p class="pufa-kind">{kind}</p>')
        self.widget = widgets.VBox([title, *children])
        self.widget.add_class("pufa")
        self._kind = kind

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        bundle: dict[str, object] = dict(self.widget._repr_mimebundle_())
        bundle["text/html"] = f'<div class="pufa"><p><strong>【{self._kind}】</strong></p>{self.static}</div>'
        bundle["text/plain"] = f"【{self._kind}】请在 JupyterLab 里打开本课作答"
        return bundle


def button(label: str, action: Callable[[], None], primary: bool = False, tooltip: str = "") -> Any:
    """A button that runs ``action``."""
    made = widgets.Button(description=label, button_style="primary" if primary else "", tooltip=tooltip or label)
    made.on_click(lambda _button: action())
    return made


def note(markdown: str, tone: str = "") -> str:
    """Feedback as HTML; ``tone``: ``good``, ``bad`` or none. Screen readers announce it."""
    return f'<div class="pufa-said{f" pufa-{tone}" if tone else ""}" role="status">{markdown_html(markdown)}</div>'


def bullets(texts: Iterable[str]) -> str:
    """A list as HTML, each entry one line of Markdown."""
    return f"<ul>{''.join(f'<li>{inline_html(text)}</li>' for text in texts)}</ul>"
