"""The folder a trainer works in: copies of the shipped modules and of HR's notebook, a link to the shipped items, room for items of their own."""

from __future__ import annotations

from pathlib import Path

from home import write_atomically

ROOT = Path(__file__).parent.parent.parent

#: Notebooks are copied, because running one writes its outputs into it; items are linked, because reading one does not.
MODULES, MODULES_FROM = "课程", ROOT / "courses" / "modules"
#: HR's notebook over what the office exports: beside it the clerk puts the files.
STATISTICS, STATISTICS_FROM = Path("统计") / "统计图表.ipynb", ROOT / "grading" / "statistics" / "lab" / "statistics.ipynb"
BANK, BANK_FROM = "题库", ROOT / "question_bank" / "items"
#: The trainer's own bank: ``Bank.read(Path("我的题库"))``; new items begin here.
OWN_BANK = "我的题库"
DRAFTS = f"{OWN_BANK}/practice/draft"


class WorkspaceError(Exception):
    """The folder cannot be used; the message is Chinese and says what to do."""


def prepare(folder: Path) -> Path:
    """Make the folder, or add what is missing; what lies there is never touched. Returns its absolute path.

    :raises WorkspaceError: it cannot be written, or something else lies where a link must be.
    """
    folder = folder.expanduser().absolute()
    try:
        (folder / DRAFTS).mkdir(parents=True, exist_ok=True)
        for shipped in sorted(MODULES_FROM.rglob("*.ipynb")):
            inside = shipped.relative_to(MODULES_FROM)
            copy = folder / MODULES / inside
            if not copy.exists() and not any(part.startswith(".") for part in inside.parts):
                write_atomically(copy, shipped.read_bytes())
        if not (folder / STATISTICS).exists():
            write_atomically(folder / STATISTICS, STATISTICS_FROM.read_bytes())
        _link(folder / BANK, BANK_FROM)
    except OSError as error:
        raise WorkspaceError(f"{folder}：不能在这里建立工作文件夹（{error.strerror}）；请用 --dir 另选一个可写的位置") from error
    return folder


def _link(place: Path, target: Path) -> None:
    if place.is_symlink() and place.readlink() != target:
        place.unlink()
    if not place.is_symlink():
        if place.exists():
            raise WorkspaceError(f"{place}：这里应是指向“{place.name}”的链接，却已有别的文件；请改名后再试，或用 --dir 另选文件夹")
        place.symlink_to(target, target_is_directory=True)
