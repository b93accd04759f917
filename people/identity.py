"""Document numbers: reading what a roster holds, the check digit of GB 11643-1999, sealing, masking.

An address code is never a reason to refuse: counties are merged and renamed, numbers stay for life. What is only
implausible (age, sex, province) is a warning; what cannot be right is an :class:`IdentityError` that says what to do.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date

from people.errors import IdentityError
from people.sealing import fingerprint, seal, unseal

RESIDENT = "居民身份证"
#: GB 11643-1999: weights of the 17 digits, and the check digit by the weighted sum modulo 11
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS = "10X98765432"
#: First two digits in use (GB/T 2260, and 91 of the foreigner's card); others are a warning only.
_PROVINCE_DIGITS = "111213141521222331323334353637414243444546505152535461626364657181828391"
PROVINCES = frozenset(_PROVINCE_DIGITS[n : n + 2] for n in range(0, len(_PROVINCE_DIGITS), 2))
EXCEL_DAMAGE = (
    "身份证号被 Excel 改坏（超过 15 位的数字会丢掉末尾几位）；"
    "请把该列设为文本后重新填写，不能只改格式，须按证件逐个重填"
)  # fmt: skip


@dataclass(frozen=True)
class Document:
    """A kind of identity document. ``pattern`` is of the number after normalising; ``checked``: built as GB 11643 says."""

    title: str
    pattern: re.Pattern[str]
    shape: str
    checked: bool = False
    aliases: tuple[str, ...] = ()


_RESIDENT_SHAPE = re.compile(r"\d{17}[\dX]", re.ASCII)
DOCUMENTS = {
    document.title: document
    for document in (
        Document(RESIDENT, _RESIDENT_SHAPE, "18 位", True, ("身份证", "二代身份证", "第二代居民身份证", "公民身份证", "居民身份证(户口簿)", "户口簿")),
        Document("港澳居民居住证", _RESIDENT_SHAPE, "18 位", True, ("港澳居住证",)),
        Document("台湾居民居住证", _RESIDENT_SHAPE, "18 位", True, ("台湾居住证",)),
        Document("港澳居民来往内地通行证", re.compile(r"[HM](\d{8}|\d{10})", re.ASCII), "H 或 M 加 8 位或 10 位数字", False, ("港澳通行证", "回乡证")),
        Document("台湾居民来往大陆通行证", re.compile(r"\d{8}|\d{10}", re.ASCII), "8 位或 10 位数字", False, ("台湾通行证", "台胞证")),
        Document("外国人永久居留身份证", re.compile(r"[A-Z]{3}\d{12}|9\d{16}[\dX]", re.ASCII), "3 个字母加 12 位数字，或 9 开头的 18 位", False, ("永久居留证", "外国人永久居留证")),
        Document("护照", re.compile(r"[A-Z0-9]{5,20}", re.ASCII), "5 至 20 位字母或数字", False, ("中国护照", "外国护照")),
        Document("其他", re.compile(r"[A-Z0-9()\-/]{3,30}", re.ASCII), "3 至 30 位字母、数字、连字符", False, ("其他证件", "军官证", "士兵证")),
    )
}  # fmt: skip
_BY_ALIAS = {alias: document for document in DOCUMENTS.values() for alias in (document.title, *document.aliases)}


@dataclass(frozen=True)
class Identity:
    """A number that was read and found possible, in its one canonical spelling. ``warnings`` are for a person to look at."""

    document: str
    number: str = field(repr=False)
    birth: date | None = None
    gender: str | None = None
    warnings: tuple[str, ...] = ()


def document_kind(text: str) -> str:
    """Canonical title of a document kind; blank means 居民身份证.

    :raises IdentityError: a kind nobody knows.
    """
    wanted = "".join(unicodedata.normalize("NFKC", text).split())
    if not wanted:
        return RESIDENT
    if wanted not in _BY_ALIAS:
        raise IdentityError(f"证件类型“{wanted[:20]}”不认识；可用：{'、'.join(DOCUMENTS)}")
    return _BY_ALIAS[wanted].title


def check_digit(body: str) -> str:
    """Check digit of the first 17 digits (GB 11643-1999; ISO 7064 MOD 11-2).

    >>> check_digit("11010519491231002")
    'X'
    """
    return CHECK_DIGITS[sum(weight * int(digit) for weight, digit in zip(WEIGHTS, body, strict=True)) % 11]


def normalise_number(raw: object) -> str:
    """Text of a cell as a number is written: half-width, without spaces, capital letters; ``="…"`` of CSV files undone."""
    if isinstance(raw, bool) or raw is None:
        return ""
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < 1e15:
        raw = int(raw)
    text = unicodedata.normalize("NFKC", str(raw))
    text = "".join(char for char in text if not char.isspace() and unicodedata.category(char) not in ("Cf", "Cc"))
    wrapped = re.fullmatch(r'=?"(.*)"', text)
    return (wrapped.group(1) if wrapped else text).lstrip("'‘’`").upper()


def read_number(document: str, raw: object, today: date) -> Identity:
    """What a cell or form field holds, as an :class:`Identity`. ``raw``: text, or a number as a spreadsheet gives it.

    :raises IdentityError: blank, damaged, of the wrong shape, with a wrong check digit or an impossible birth date.
    """
    kind = DOCUMENTS[document_kind(document)]
    text = normalise_number(raw)
    if not text:
        raise IdentityError("证件号码为空；请按证件填写")
    if _damaged_by_excel(raw, text):
        raise IdentityError(EXCEL_DAMAGE)
    warnings: list[str] = []
    if kind.checked and re.fullmatch(r"\d{15}", text, re.ASCII):
        text = upgrade_legacy(text)
        warnings.append("15 位旧号码，已换算为 18 位，请与证件核对")
    if not kind.pattern.fullmatch(text):
        raise IdentityError(_wrong_shape(kind, text))
    if not kind.checked:
        return Identity(kind.title, text)
    return _checked(kind, text, today, warnings)


def upgrade_legacy(number: str) -> str:
    """18-digit form of a 15-digit number of before 1999 (GB 11643-1999, appendix): century 19 and a check digit."""
    body = number[:6] + "19" + number[6:]
    return body + check_digit(body)


def _damaged_by_excel(raw: object, text: str) -> bool:
    if re.fullmatch(r"\d([.]\d+)?E[+]?\d+", text, re.ASCII):
        return True
    if isinstance(raw, int | float):
        return abs(raw) >= 1e15  # a number cell keeps 15 digits: the rest is invented, whatever it shows
    return bool(_RESIDENT_SHAPE.fullmatch(text)) and text.endswith("000") and check_digit(text[:17]) != text[17]


def _wrong_shape(kind: Document, text: str) -> str:
    bad = next((char for char in text if not (char.isascii() and (char.isalnum() or char in "()-/"))), None)
    if bad is not None:
        return f"{kind.title}号码里有不该有的字符“{bad}”；请按证件重新填写"
    return f"{kind.title}号码应为 {kind.shape}，这里是 {len(text)} 位；请按证件重新填写，不是{kind.title}的请填“证件类型”"


def _checked(kind: Document, text: str, today: date, warnings: list[str]) -> Identity:
    right = check_digit(text[:17])
    if text[17] != right:
        raise IdentityError(f"{kind.title}号码校验不通过：前 17 位若无误，末位应为 {right}，这里是 {text[17]}；请按证件逐位核对")
    try:
        birth = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        raise IdentityError(f"{kind.title}号码中的出生日期“{text[6:14]}”不存在；请按证件逐位核对") from None
    if birth > today:
        raise IdentityError(f"{kind.title}号码中的出生日期“{text[6:14]}”在今天之后；请按证件逐位核对")
    age = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
    if not 16 <= age <= 100:
        warnings.append(f"按证件号码推算为 {age} 岁，请核对")
    if text[:2] not in PROVINCES:
        warnings.append(f"号码前两位“{text[:2]}”不是常见的省份代码，请核对")
    if text.endswith("000"):
        warnings.append("号码末三位是 000，可能被 Excel 改坏，请与证件核对")
    return Identity(kind.title, text, birth, "男" if int(text[16]) % 2 else "女", tuple(warnings))


# ---------------------------------------------------------------- at rest and on the screen


def seal_number(key: bytes, document: str, number: str) -> bytes:
    """``person.identity_cipher``: AES-256-GCM under a key derived from the home's ``identity`` key; the kind is bound to it."""
    return seal(key, "identity cipher", number.encode(), document)


def reveal(key: bytes, document: str, cipher: bytes) -> str:
    """The number in clear. Who calls this writes an audit entry.

    :raises IdentityError: another home's key, another document kind, or altered bytes.
    """
    return unseal(key, "identity cipher", cipher, document).decode()


def identity_mac(key: bytes, document: str, number: str) -> str:
    """``person.identity_mac``: finds a person again without opening any number."""
    return fingerprint(key, "identity mac", f"{document}\0{number}")


def mask(number: str) -> str:
    """What pages and exports show.

    >>> mask("11010519491231002X")
    '1101**********002X'
    >>> mask("E12345678")
    'E1*****78'
    """
    shown = 4 if len(number) >= 15 else 2 if len(number) >= 8 else 1
    return number[:shown] + "*" * max(1, len(number) - 2 * shown) + number[-shown:]
