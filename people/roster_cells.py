"""Single cells of a roster: names as on the identity card, dates in the shapes that occur, plain bounded text."""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from datetime import date, datetime, timedelta

#: Dots that keyboards and old systems put into ethnic-minority names; on the identity card it is U+00B7 (domain.md D.3).
_DOTS = "·•‧．・･⋅∙·᛫●▪"
_DOT = str.maketrans(dict.fromkeys(_DOTS, "·"))
_GENDERS = {"男": "男", "女": "女", "男性": "男", "女性": "女", "1": "男", "2": "女", "M": "男", "F": "女"}
#: full-width digits and letters, as an input method leaves them
_HALF = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_GAP = re.compile(r"(?<=[^\x00-\u024f]) | (?=[^\x00-\u024f])")
_DATE = re.compile(r"(\d{4})\s*(?:[-./年]\s*)?(\d{1,2})?\s*(?:[-./月]\s*)?(\d{1,2})?\s*日?")


class CellFault(ValueError):
    """What is wrong with one cell, in Chinese."""


def read_text(value: object, limit: int) -> str:
    """Bounded text in one line. A leading ``= + - @`` stays what it is: text.

    :raises CellFault: too long, characters that change how the rest is shown, or a number of which a spreadsheet kept 15 digits only.
    """
    if isinstance(value, datetime | date):
        value = f"{value:%Y-%m-%d}"
    if isinstance(value, int | float) and abs(value) >= 1e15:
        raise CellFault("这一格是数字格式，位数太多，已被 Excel 改坏；请把这一列设为文本后重新填写")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = " ".join(_visible(str(value)).split())
    if len(text) > limit:
        raise CellFault(f"超过 {limit} 个字；请删短")
    return text


def read_label(value: object, limit: int) -> str:
    """What a place, a post or a rank is called, in one spelling: no space beside a Chinese character, half-width digits and letters.

    One unit typed in three ways would be three units in every list.

    >>> read_label("城东街道 第 ４ 社区", 100), read_label("ABC Co", 100)
    ('城东街道第4社区', 'ABC Co')

    :raises CellFault: as :func:`read_text`.
    """
    return one_spelling(read_text(value, limit))


def one_spelling(text: str) -> str:
    """A text as :func:`read_label` leaves it, whatever it is."""
    return _GAP.sub("", " ".join(text.split()).translate(_HALF))


def read_name(value: object, limit: int) -> str:
    """A name as on the identity card: no padding inside Chinese names, the ethnic dot as U+00B7, rare characters kept.

    :raises CellFault: no letters in it, too long, or characters that no name has.
    """
    if not isinstance(value, str):
        raise CellFault("姓名应是文字；请按证件填写")
    text = " ".join(_visible(value).translate(_DOT).split())
    text = re.sub(r"\s*·+\s*", "·", text)
    text = re.sub(r"(?<=[^\x00-\u024f])\s+(?=[^\x00-\u024f])", "", text)
    text = re.sub(r"(?<=[\u3400-\u9fff\U00020000-\U0003ffff])[.](?=[\u3400-\u9fff\U00020000-\U0003ffff])", "·", text)
    if len(text) > min(limit, 50):
        raise CellFault("超过 50 个字；请按证件填写")
    if not any(unicodedata.category(char)[0] == "L" or unicodedata.category(char) == "Co" for char in text):
        raise CellFault(f"“{text[:20]}”不像姓名；请按证件填写")
    return text


def read_gender(value: object, _limit: int) -> str:
    """男 or 女.

    :raises CellFault: anything else.
    """
    text = read_text(value, 20).upper()
    if text not in _GENDERS:
        raise CellFault(f"“{text}”不认识；请填男或女")
    return _GENDERS[text]


def read_birth(value: object, _limit: int) -> date:
    """A birth date or month: ``1970-01-02``, ``1970.01``, ``197001``, ``1970年1月``, or a date cell; without a day the first.

    :raises CellFault: no date of that kind.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, int | float) and 3_000 < value < 60_000:
        return date(1899, 12, 30) + timedelta(days=int(value))  # a date cell that lost its format: days since 1900
    if isinstance(value, float) and not value.is_integer():
        value = f"{value:.2f}"  # 1970.1 typed for 1970.10 is a number to Excel
    text = unicodedata.normalize("NFKC", read_text(value, 40))
    match = _DATE.fullmatch(re.sub(r"\s\d{1,2}:\d\d(:\d\d)?$", "", text)) if text else None
    year, month, day = (int(part) if part else 1 for part in match.groups()) if match else (0, 0, 0)
    if not (1900 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]):
        raise CellFault(f"“{text}”不是日期；请写成 1970-01 或 1970-01-02")
    return date(year, month, day)


def _visible(text: str) -> str:
    """Text without zero-width characters.

    :raises CellFault: control or direction characters, with which one name can be shown as another.
    """
    text = re.sub("[\u200b-\u200d\u2060\ufeff\u00ad]", "", text)
    for char in text:
        if unicodedata.category(char) in ("Cc", "Cf", "Cs") and not char.isspace():
            raise CellFault(f"有看不见的控制字符（U+{ord(char):04X}）；请重新输入这一格")
    return text
