"""``pufa restore --exam``: only a whole, newer copy of the same home's exam.db takes the place of the one in the backup."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from grading_fixture import make_sitting
from sitting_fixture import KEY, Candidate, open_demo, public_form
from sqlalchemy import create_engine, delete, func, select, text, update

from backup.archive import BackupError, make_backup, make_key
from backup.restoring import restore
from backup.schedule import LIVE, backup_now, live_copy, opened_since
from backup.snapshot import copy_sqlite
from exams.attempts import open_page, start
from exams.display import Arranger
from exams.saves import Change, Saved, SaveRequest, store
from exams.sessions import log_in, standing, token_digest
from exams.tables import attempt, candidate, open_sitting, save, sitting
from grading.worker import look_after_backups
from home import AUDIT, EXAM, OFFICE, Home, audit, now_ms, transaction


class Writer:
    """One candidate who writes; every answer was acknowledged."""

    def __init__(self, home: Home, one: Candidate) -> None:
        self.home, self.seq = home, 0
        with transaction(home.exam) as connection:
            self.session = token_digest(log_in(connection, KEY, one.admission_no, one.code, "pc", now_ms()).token)
            who = standing(connection, self.session, now_ms())
            assert who is not None
            self.attempt, self.sitting = start(connection, who, Arranger(public_form()).order(7), now_ms()), who.sitting_id
            self.page = open_page(connection, who, now_ms()).writer

    def write(self, count: int) -> None:
        for _ in range(count):
            self.seq += 1
            change = Change(self.seq, "q001", "ABCD"[self.seq % 4], 0)
            with transaction(self.home.exam) as connection:
                (told,) = store(connection, [SaveRequest(self.session, self.attempt, self.sitting, self.page, 0, (change,), now_ms())])
            assert isinstance(told, Saved)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    return tmp_path / "stick"


@pytest.fixture
def writer(home_folder: Home, stick: Path) -> Writer:
    """A sitting that is open in both databases, three answers, and a stick that home.toml names."""
    settings = home_folder.root / "home.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + f'\n[backup]\nto = "{stick}"\n', encoding="utf-8")
    make_sitting(home_folder, "s1", state="open", people=1)
    (one,) = open_demo(home_folder, 1, sitting="s1")
    with transaction(home_folder.office) as connection:
        connection.execute(update(candidate).values(admission_no=one.admission_no))
    with transaction(home_folder.exam) as connection:
        audit(connection, EXAM, "officer", "sitting.open", "s1")
    writer = Writer(home_folder, one)
    writer.write(3)
    return writer


def close(home: Home) -> None:
    with transaction(home.exam) as connection:
        connection.execute(update(open_sitting).values(closed_at=now_ms()))
        connection.execute(update(attempt).values(state="closed", closed_at=now_ms(), closed_by="officer"))
        audit(connection, EXAM, "worker", "sitting.close", "s1")
    with transaction(home.office) as connection:
        connection.execute(update(sitting).values(state="closed"))


def saves_of(home: Home) -> int:
    with home.exam.connect() as connection:
        return connection.execute(select(func.count()).select_from(save)).scalar_one()


def refused(backup: Path, target: Path, exam: Path, told: str, key: str | None = None) -> None:
    before = exam.read_bytes()
    with pytest.raises(BackupError, match=told) as error:
        restore(backup, target, key, exam=exam)
    assert str(error.value).startswith(f"{exam}："), error.value
    assert not target.exists() and not list(target.parent.glob(".restore*")) and exam.read_bytes() == before


def test_a_live_copy_that_is_older_than_the_backup_does_not_take_answers_away(writer: Writer, stick: Path, tmp_path: Path) -> None:
    home = writer.home
    copy = live_copy(home, now_ms())
    assert copy is not None
    old = tmp_path / "old.db"
    shutil.copyfile(copy, old)
    writer.write(2)
    middle = make_backup(home, tmp_path / "middle", now_ms())  # nothing but saves came in between
    refused(middle.path, tmp_path / "new", old, "比备份还旧.*去掉 --exam")
    close(home)
    refused(make_backup(home, stick, now_ms()).path, tmp_path / "new", old, "比备份还旧")


def test_the_live_copy_goes_when_the_backup_after_the_sitting_is_made(writer: Writer, stick: Path) -> None:
    home = writer.home
    look_after_backups(home, now_ms(), ended_now=False)
    assert (stick / LIVE).is_file()
    look_after_backups(home, now_ms() + 1000, ended_now=True)  # another one ended, this one is still open
    assert (stick / LIVE).is_file()
    close(home)
    look_after_backups(home, now_ms() + 2000, ended_now=True)
    assert sorted(path.suffix for path in stick.iterdir()) == [".gz", ".gz", ".gz"]


def test_a_sitting_that_an_officer_closed_gets_its_backup_as_well(writer: Writer, stick: Path) -> None:
    look_after_backups(writer.home, now_ms(), ended_now=False)
    writer.write(2)
    close(writer.home)
    for later in (1000, 2000):
        look_after_backups(writer.home, now_ms() + later, ended_now=False)
    assert sorted(path.suffix for path in stick.iterdir()) == [".gz", ".gz"], "the day's, and one of the sitting"


def test_a_sitting_that_was_just_opened_is_in_a_backup_beside_its_live_copy(writer: Writer, stick: Path, tmp_path: Path) -> None:
    """The disk dies in mid-exam: last night's backup knows nothing of the sitting, its papers and who sits it."""
    home, night = writer.home, now_ms() - 3_600_000
    with transaction(home.office) as connection:
        connection.execute(delete(candidate))
        kept = connection.execute(select(sitting)).mappings().one()
        connection.execute(delete(sitting))
    backup_now(home, night)
    with transaction(home.office) as connection:
        connection.execute(sitting.insert().values(**kept))
        audit(connection, OFFICE, "officer", "sitting.open", "s1")
    for later in (0, 1000):
        look_after_backups(home, now_ms() + later, ended_now=False)
    writer.write(2)
    made = sorted(stick.glob("pufa-*"))
    assert len(made) == 2, "last night's, and one at the opening"
    assert not opened_since(home, now_ms() + 2000)
    with transaction(home.office) as connection:
        audit(connection, OFFICE, "officer", "sitting.open", "s1")
        ahead = connection.execute(select(func.max(AUDIT[OFFICE].c.at))).scalar_one() - 120_000   # by a clock that was ahead by more
    assert opened_since(home, now_ms()) and not opened_since(home, ahead), "no backup every half minute until the clock has caught up"
    live_copy(home, now_ms() + 120_000)
    back = restore(made[-1], tmp_path / "back", exam=stick / LIVE)
    with back.home.exam.connect() as exam, back.home.office.connect() as office:
        assert exam.execute(select(func.count()).select_from(save)).scalar_one() == 5
        assert office.execute(select(sitting.c.state)).scalar_one() == "open"
    back.home.close()


def test_a_newer_copy_is_taken_encrypted_or_with_its_journal_or_after_an_erasure(writer: Writer, stick: Path, tmp_path: Path) -> None:
    home = writer.home
    key = make_key(home)
    done = backup_now(home, now_ms())
    writer.write(2)
    copy = live_copy(home, now_ms())
    assert copy is not None and copy.suffix == ".age"
    crashed = tmp_path / "crashed"
    shutil.copytree(home.root / "exam", crashed)  # as a machine leaves it that went down: the last saves are in the journal
    assert (crashed / "exam.db-wal").stat().st_size > 0
    with transaction(home.exam) as connection:
        connection.execute(delete(save))
        connection.execute(update(open_sitting).values(erased_at=now_ms()))
        audit(connection, EXAM, "officer", "retention.erase", "*")
    copy_sqlite(home.root / "exam" / "exam.db", tmp_path / "erased.db")
    for number, (exam, expected) in enumerate(((copy, 5), (crashed / "exam.db", 5), (tmp_path / "erased.db", 0))):
        restored = restore(done.path, tmp_path / f"new{number}", key, exam=exam)
        assert saves_of(restored.home) == expected, exam
        restored.home.close()
    after = make_backup(home, tmp_path / "after", now_ms())
    refused(after.path, tmp_path / "again", copy, "比备份还旧", key)  # what was erased does not come back


def test_a_newer_copy_comes_back_in_postgresql(writer: Writer, tmp_path: Path, postgres_url: str) -> None:
    admin = create_engine(postgres_url)
    with admin.begin() as connection:
        for schema in ("exam", "office"):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
    admin.dispose()
    done = backup_now(writer.home, now_ms())
    writer.write(2)
    restored = restore(done.path, tmp_path / "new", db_url=postgres_url, exam=live_copy(writer.home, now_ms()))
    assert restored.home.exam.dialect.name == "postgresql" and saves_of(restored.home) == 5
    restored.home.close()


def test_a_foreign_or_damaged_file_is_refused_by_name_and_leaves_nothing(writer: Writer, stick: Path, tmp_path: Path) -> None:
    home = writer.home
    done = backup_now(home, now_ms())
    other = Home.create(tmp_path / "other", "另一个单位")
    open_demo(other, 1, sitting="s1")
    for kind in ("fresh", "used"):
        copy_sqlite(other.root / "exam" / "exam.db", tmp_path / f"{kind}.db")
        refused(done.path, tmp_path / "new", tmp_path / f"{kind}.db", "不是这个数据文件夹的")
        with transaction(other.exam) as connection:
            audit(connection, EXAM, "officer", "sitting.open", "s1")
    other.close()
    copy_sqlite(home.root / "office.db", tmp_path / "office.db")
    refused(done.path, tmp_path / "new", tmp_path / "office.db", "不是这个数据文件夹的")
    copy_sqlite(home.root / "exam" / "exam.db", tmp_path / "whole.db")
    whole = (tmp_path / "whole.db").read_bytes()
    bad = tmp_path / "bad.db"
    for content in (b"", b"garbage" * 1000, whole[: len(whole) // 2], whole[:4096] + b"\xff" * 4096 * 3 + whole[4096 * 4 :]):
        bad.write_bytes(content)
        refused(done.path, tmp_path / "new", bad, "文件坏了")
    refused_chain(done.path, tmp_path)


def refused_chain(backup: Path, tmp_path: Path) -> None:
    """The same audit chain, but answers that are not those of the backup; and tables of a version to come."""
    forked, later = tmp_path / "forked.db", tmp_path / "later.db"
    for path, statement in ((forked, "UPDATE save SET chain_head = 'x' WHERE chain_n = 3"), (later, "UPDATE alembic_version SET version_num = '9999'")):
        shutil.copyfile(tmp_path / "whole.db", path)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement)
    refused(backup, tmp_path / "new", forked, "不是这个数据文件夹的")
    refused(backup, tmp_path / "new", later, "更新版本")


def test_a_backup_whose_tables_cannot_be_brought_up_to_date_leaves_nothing(writer: Writer, tmp_path: Path) -> None:
    with transaction(writer.home.office) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    done = make_backup(writer.home, tmp_path / "b", now_ms())
    with pytest.raises(BackupError, match=f"^{done.path}：.*更新版本"):
        restore(done.path, tmp_path / "new")
    assert not (tmp_path / "new").exists() and not list(tmp_path.glob(".restore*"))
