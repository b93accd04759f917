"""What may be stored as the answer to one question: canonical letters in ascending order, or bounded free text."""

from __future__ import annotations

from exams.paper import PublicQuestion

MAX_TEXT = 20_000
#: kinds that take one option at most; every other kind with options takes any number of them
ONE_OPTION = frozenset({"single", "true_false"})


def answer_fault(question: PublicQuestion, answer: str) -> str | None:
    """Why ``answer`` cannot be stored for ``question``, or None. ``""`` is always allowed: it takes an answer back."""
    return _letters_fault(question, answer) if question.options else _text_fault(answer)


def _letters_fault(question: PublicQuestion, answer: str) -> str | None:
    known = {option.letter for option in question.options}
    if not set(answer) <= known or list(answer) != sorted(set(answer)):
        return "选项无效"
    if len(answer) > 1 and question.kind in ONE_OPTION:
        return "本题只能选一项"
    return None


def _text_fault(answer: str) -> str | None:
    if len(answer) > MAX_TEXT:
        return f"答案超过 {MAX_TEXT} 字"
    if "\0" in answer or any("\ud800" <= character <= "\udfff" for character in answer):
        return "答案含有无法保存的字符"
    return None


def is_blank(answer: str) -> bool:
    """Whether an answer counts as unanswered."""
    return not answer.strip()
