"""The door: the ``pufa`` command. It mounts each room's commands and nothing else."""

from __future__ import annotations

import logging
import signal
import sys
from typing import NoReturn

_before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while the rooms are being loaded just ends

import typer

import courses.commands
import exams.commands
import exams.sitting_commands
import faults
import grading.certificates.commands
import grading.commands
import grading.retention.commands
import grading.workforce.commands
import hall.audit_command
import hall.backup_commands
import hall.commands
import hall.metrics_command
import hall.person_merging_command
import hall.rehearsal.command
import hall.service_commands
import hall.tls_commands
import logs
import people.commands
import question_bank.commands
import usage
from courses.errors import CourseError
from exams.errors import ExamsError
from grading.errors import GradingError
from home import HomeError
from people.errors import PeopleError
from question_bank.errors import BankError

signal.signal(signal.SIGINT, _before)

#: exit code after Ctrl-C
STOPPED = 130
#: errors that are about content, data or the home: their message is for the user as it stands
EXPLAINED = (ExamsError, GradingError, BankError, PeopleError, CourseError, HomeError)

usage.in_chinese()
app = typer.Typer(
    name="pufa",
    help="普法：任前法律知识考试、题库、课程与成绩记录。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(hall.commands.init)
app.command("serve")(hall.commands.serve)
app.command("backup")(hall.backup_commands.backup)
app.command("rehearse")(hall.rehearsal.command.rehearse)
app.add_typer(hall.audit_command.commands, name="audit", help="操作记录：核验是否被改动。")
app.command("upgrade")(hall.service_commands.upgrade)
app.command("share")(hall.service_commands.share)
app.add_typer(hall.tls_commands.commands, name="tls")
app.command("metrics")(hall.metrics_command.metrics)
app.command("restore")(hall.backup_commands.restore_command)
people.commands.commands.command("merge")(hall.person_merging_command.merge)
app.add_typer(people.commands.commands, name="people", help="人员、名单与工作账号。")
app.add_typer(question_bank.commands.commands, name="bank", help="题库：检查、查看、统计、审读。")
app.add_typer(exams.commands.commands, name="exam", help="试卷：组卷、核验、打印。")
app.add_typer(exams.sitting_commands.commands, name="sitting", help="场次：新建、组卷、开考、收卷、查看。")
app.add_typer(courses.commands.commands, name="course", help="课程：新建、检查、预览。")
app.command("grade")(grading.commands.grade)
app.add_typer(grading.commands.records, name="records", help="成绩记录：签发、导出。")
app.add_typer(grading.certificates.commands.certificates, name="certificates", help="证书、成绩通知单：制作、核验、撤销、补发。")
app.add_typer(grading.workforce.commands.commands, name="workforce", help="队伍：持证、到期、配备、导入、津贴。")
app.add_typer(grading.retention.commands.commands, name="retention", help="保存期限：到期内容、暂缓删除。")


def _stopped() -> NoReturn:
    print("已中断，这一步没有做完；写到一半的内容不会留下，可以再做一次", file=sys.stderr)
    raise SystemExit(STOPPED) from None


def main() -> None:
    """Entry point of the console script. A fault is told as in every log: without what it would repeat of the data."""
    logs.guard()
    try:
        app()
    except KeyboardInterrupt:
        _stopped()
    except SystemExit as ended:
        if ended.code == STOPPED:  # typer took the Ctrl-C
            _stopped()
        raise
    except EXPLAINED as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    except Exception as error:
        found = faults.told(error) or faults.of_another_version(error)
        if found is not None:
            print(found, file=sys.stderr)
        else:
            logging.getLogger("pufa").critical("程序出错，这一步没有做完；请把下面的内容交给技术人员", exc_info=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
