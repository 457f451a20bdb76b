from __future__ import annotations

import threading
from contextvars import ContextVar

import pytest

from pipeline.ahead import ahead

NAME = ContextVar("name", default="nobody")


def test_one_item_is_fetched_while_one_is_worked_on():
    fetched = []

    def items():
        for number in range(5):
            fetched.append((number, threading.current_thread().name))
            yield number

    given = ahead(items())
    for number in range(5):
        assert next(given) == number
        assert number < len(fetched) + 1 <= number + 3
    assert list(given) == []
    assert [number for number, _ in fetched] == list(range(5))
    assert all(name.startswith("ahead") for _, name in fetched)


def test_what_goes_wrong_is_told_in_its_place():
    def items():
        yield 1
        raise OSError("gone")

    given = ahead(items())
    assert next(given) == 1
    with pytest.raises(OSError, match="gone"):
        next(given)


def test_the_thread_sees_the_context_of_who_asked_and_ends_with_it():
    NAME.set("somebody")
    given = ahead(NAME.get() for _ in range(3))
    assert next(given) == "somebody"
    given.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
