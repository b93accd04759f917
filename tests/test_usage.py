"""Wrong usage and --help are told in Chinese by every command."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import typer.main
from typer.testing import CliRunner

from pufa import app

#: words of typer's own
ENGLISH = re.compile(r"Usage|Options|Arguments|Commands|COMMAND|ARGS|OPTIONS|required|default|Show this|Error|Try |Missing|Invalid|should|unexpected|No such")


def every(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from every(below, (*path, name))


@pytest.mark.parametrize("path", list(every(typer.main.get_command(app))), ids=" ".join)
def test_help_is_in_chinese(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"])
    assert shown.exit_code == 0 and "用法：" in shown.output and "显示这份说明" in shown.output
    assert not ENGLISH.findall(shown.output.replace("Word、", ""))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("frobnicate", "没有“frobnicate”这个命令"),
        ("restore", "缺少 archive（备份文件）"),
        ("records export --home x", "缺少 --format"),
        ("metrics --foo", "没有 --foo 这个选项"),
        ("records export --formt x", "是否想写 --formal、--format、--from"),
        ("upgrade --home", "--home 后面缺少内容"),
        ("serve --tls=3 --home x", "--tls 后面不要写内容"),
        ("serve --home x --port abc", "--port 填得不对：应为整数"),
        ("serve --home x --port 70000", "--port 填得不对：不能大于 65534"),
        ("serve --home x --port 0", "--port 填得不对：不能小于 1"),
        ("upgrade a --home x", "多出了“a”"),
        ("people import nowhere.xlsx --home x", "没有“nowhere.xlsx”这个文件或文件夹"),
        ("people import . --home x", "“.”是文件夹，不是文件"),
        ("workforce list --home x --state zz", "--state 填得不对：应为：pending"),
        ("init x --address https://192.0.2.1:8000", "不带 https:// 和端口"),
        ("init x --address 192.0.2.300", "不带 https:// 和端口"),
        ("tls renew --home x --address 考试服务器", "不是 IP，也不是英文的主机名"),
    ],
)
def test_wrong_usage_is_told_in_chinese_with_exit_code_2(given: str, said: str) -> None:
    done = CliRunner().invoke(app, given.split())
    assert done.exit_code == 2 and said in done.output and not ENGLISH.findall(done.output)
