"""What the ``pufa`` command says of wrong usage, and the fixed words of ``--help``, in Chinese: typer has them in English only.

Its words are constants and two functions of :mod:`typer.rich_utils`; :func:`in_chinese` puts ours in their place.
"""

from __future__ import annotations

import re
import sys

from rich.text import Text
from typer import rich_utils
from typer.exceptions import TyperException

#: what typer says, whole -> what is said here, its groups filled in; what fits none is shown as it stands
_SAID = (
    (r"No such command '(.+?)'\..*", "没有“{0}”这个命令"),
    (r"Missing command\.", "缺少命令"),
    (r"Got unexpected extra argument\(s\) \((.*)\)", "多出了“{0}”；中间有空格的，两头要加引号"),
    (r"Option '(.+)' requires an argument\.", "{0} 后面缺少内容"),
    (r"Option '(.+)' does not take a value\.", "{0} 后面不要写内容"),
    (r"Input should be a valid integer.*", "应为整数"),
    (r"Input should be a valid number.*", "应为数"),
    (r"Input should be less than or equal to (.+)", "不能大于 {0}"),
    (r"Input should be greater than or equal to (.+)", "不能小于 {0}"),
    (r"\w+ '(.*)' does not exist\.", "没有“{0}”这个文件或文件夹；请核对路径"),
    (r"\w+ '(.*)' is a file\.", "“{0}”是文件，不是文件夹"),
    (r"\w+ '(.*)' is a directory\.", "“{0}”是文件夹，不是文件"),
    (r"\w+ '(.*)' is not readable\.", "“{0}”没有权限读"),
)
#: names in rich_utils -> their words
_WORDS = {
    "ARGUMENTS_PANEL_TITLE": "参数", "OPTIONS_PANEL_TITLE": "选项", "COMMANDS_PANEL_TITLE": "命令",
    "REQUIRED_LONG_STRING": "[必填]", "DEFAULT_STRING": "[不写则为 {}]", "ABORTED_TEXT": "已中断，这一步没有做",
}  # fmt: skip
#: words inside a text of --help
_INSIDE = {
    "Usage: ": "用法：", "[OPTIONS]": "[选项]", "COMMAND [ARGS]...": "命令 …", "Show this message and exit.": "显示这份说明",
}  # fmt: skip


class _Chinese(rich_utils.OptionHighlighter):
    def __call__(self, text: str | Text) -> Text:
        plain = told = str(text)
        for english, chinese in _INSIDE.items():
            told = told.replace(english, chinese)
        return super().__call__(text if told == plain else told)


def in_chinese() -> None:
    """From here on this process says it in Chinese."""
    for name, ours in {**_WORDS, "highlighter": _Chinese(), "rich_format_error": _tell}.items():
        setattr(rich_utils, name, ours)


def told(error: TyperException) -> str:
    """What is wrong with the usage, in one sentence."""
    parameter = getattr(error, "param", None)
    hint = getattr(error, "param_hint", None)
    name = hint or (parameter.name if parameter and parameter.param_type_name == "argument" else " / ".join(parameter.opts) if parameter else "")
    kind = type(error).__name__
    if kind == "MissingParameter" and parameter is not None:
        return f"缺少 {name}" + (f"（{parameter.help}）" if getattr(parameter, "help", None) else "")
    if kind == "NoSuchOption":
        near = getattr(error, "possibilities", None)
        return f"没有 {getattr(error, 'option_name', '')} 这个选项" + (f"；是否想写 {'、'.join(sorted(near))}" if near else "")
    said = next((words.format(*found.groups()) for pattern, words in _SAID if (found := re.fullmatch(pattern, error.message, re.S))), error.message)
    return f"{name} 填得不对：{said}" if name else said


def _tell(error: TyperException) -> None:
    if type(error).__name__ == "NoArgsIsHelpError":  # the help was shown
        return
    context = getattr(error, "ctx", None)
    see = f"\n看用法：{context.command_path} --help" if context is not None else ""
    print(f"用法不对：{told(error)}{see}", file=sys.stderr)
