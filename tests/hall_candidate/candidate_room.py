"""A candidate at a real Chromium: what tests do with the page, and what they look at."""

from __future__ import annotations

from sqlalchemy import select

from exams.attempts import effective_answers
from exams.tables import attempt


def log_in(page, server, candidate):
    page.goto(server.url)
    page.fill("#number", candidate.admission_no)
    page.fill("#code", candidate.code.lower())
    page.press("#code", "Enter")


def sit_down(context, server, candidate):
    page = context.new_page()
    page.set_default_timeout(15_000)
    log_in(page, server, candidate)
    page.check("[name=confirm]")
    page.click("#start")
    page.wait_for_selector("#save[data-state=saved]")
    return page


def saved(page):
    page.wait_for_selector("#save[data-state=saved]")


def choose(page, number, *letters):
    """Click the options shown as these letters; returns the canonical answer."""
    question = page.locator(f".question[data-number='{number}']")
    for letter in letters:
        question.locator(".option", has=page.locator(f".letter:text-is('{letter}')")).click()
    return on_screen(page)[question.get_attribute("id")]


def on_screen(page):
    """{question: canonical answer} as the inputs show it."""
    return page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('.question')].map((q) => {
             const text = q.querySelector('textarea');
             return [q.id, text ? text.value : [...q.querySelectorAll('input:checked')].map((i) => i.value).sort().join('')];
           }).filter((pair) => pair[1] !== ''))"""
    )


def at_server(home, candidate):
    with home.exam.connect() as connection:
        number = connection.execute(select(attempt.c.id).where(attempt.c.entry_id == candidate.entry_id)).scalar_one()
        return {question: answer for question, answer in effective_answers(connection, number).items() if answer}


def left_behind(page):
    return page.evaluate("() => JSON.stringify({...localStorage})")
