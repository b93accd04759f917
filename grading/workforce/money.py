"""Sums of money as lists print them: exact, in figures and in the capital numerals of vouchers (人民币大写)."""

from __future__ import annotations

from fractions import Fraction

DIGITS, PLACES, GROUPS = "零壹贰叁肆伍陆柒捌玖", ("", "拾", "佰", "仟"), ("", "万", "亿")


def money_text(amount: Fraction) -> str:
    """Figures with thousands apart; two decimals where there are any.

    :raises ValueError: less than a 分 is left over.

    >>> money_text(Fraction(27000)), money_text(Fraction(3001, 2)), money_text(Fraction(0))
    ('27,000', '1,500.50', '0')
    """
    cents = _cents(amount)
    whole, rest = divmod(cents, 100)
    return f"{whole:,}.{rest:02d}" if rest else f"{whole:,}"


def capital_text(amount: Fraction) -> str:
    """In capital numerals, below a million million yuan.

    >>> [capital_text(Fraction(n, 100)) for n in (2_700_000, 10_100_500, 150_050, 5, 0, 100_000_000_00)]
    ['贰万柒仟元整', '壹拾万零壹仟零伍元整', '壹仟伍佰元伍角', '伍分', '零元整', '壹亿元整']
    """
    whole, rest = divmod(_cents(amount), 100)
    jiao, fen = divmod(rest, 10)
    text = _whole_text(whole) + "元" if whole else ""
    if not rest:
        return (text or "零元") + "整"
    if text and not jiao:
        text += "零"
    return text + (f"{DIGITS[jiao]}角" if jiao else "") + (f"{DIGITS[fen]}分" if fen else "")


def _cents(amount: Fraction) -> int:
    cents = amount * 100
    if cents.denominator != 1 or not 0 <= cents < 10**14:
        raise ValueError(f"{amount} is no sum of money")
    return int(cents)


def _whole_text(whole: int) -> str:
    text, gap = "", False
    for place in range(len(str(whole)) - 1, -1, -1):
        digit = whole // 10**place % 10
        if digit:
            text += ("零" if gap else "") + DIGITS[digit] + PLACES[place % 4]
        gap = not digit if digit or text else gap
        if place % 4 == 0 and whole // 10**place % 10_000:
            text += GROUPS[place // 4]
    return text
