"""When a provider is asked, and when there is no point in asking any more."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.query_window import AFTER_EXPIRY, LAST_QUESTION_BEFORE, QueryWindow

BEGUN = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def asked(window: QueryWindow, until: timedelta, *, first: timedelta = timedelta(minutes=1)) -> list[timedelta]:
    """When it is looked at, counted from the beginning, by a sweep that is never late."""
    moments = [first]
    while moments[-1] < until:
        following = window.next_question(BEGUN + moments[-1], len(moments))
        if following is None:
            break
        moments.append(following - BEGUN)
    return moments


def test_the_last_question_comes_shortly_before_the_window_closes_and_then_it_is_named() -> None:
    window = QueryWindow(BEGUN, timedelta(hours=48))
    assert asked(window, 9 * DAY)[-2:] == [timedelta(hours=48) - LAST_QUESTION_BEFORE, timedelta(hours=48)]
    assert not window.is_unresolved(BEGUN + timedelta(hours=48) - timedelta(seconds=1))
    assert window.is_unresolved(BEGUN + timedelta(hours=48))


def test_it_is_asked_once_more_when_the_payers_time_is_over() -> None:
    window = QueryWindow(BEGUN, None, BEGUN + timedelta(minutes=15))
    assert timedelta(minutes=15) + AFTER_EXPIRY in asked(window, HOUR)


def test_a_provider_that_answers_for_ever_is_asked_for_ever() -> None:
    window = QueryWindow(BEGUN, None)
    assert len(asked(window, 5 * DAY)) > 5 * 24 - 2
    assert not window.is_closed(BEGUN + 5 * DAY)
    assert window.is_unresolved(BEGUN + 5 * DAY)
    assert not window.is_unresolved(BEGUN + DAY)


def test_what_is_not_found_as_the_window_closes_proves_nothing() -> None:
    window, after = QueryWindow(BEGUN, timedelta(hours=48)), timedelta(minutes=20)
    assert not window.proves_absence(BEGUN + timedelta(minutes=19), after)
    assert window.proves_absence(BEGUN + timedelta(minutes=20), after)
    assert window.proves_absence(BEGUN + timedelta(hours=48) - LAST_QUESTION_BEFORE, after)
    assert not window.proves_absence(BEGUN + timedelta(hours=48) - timedelta(minutes=9), after)
    assert not window.proves_absence(BEGUN + timedelta(hours=49), after)


@given(
    st.timedeltas(timedelta(minutes=11), 5 * DAY),
    st.timedeltas(timedelta(0), 6 * DAY),
    st.integers(0, 200),
    st.none() | st.timedeltas(timedelta(minutes=5), 5 * DAY),
)
def test_the_next_look_is_later_within_an_hour_and_never_beyond_the_closing(
    lasts: timedelta, now: timedelta, checks: int, expires: timedelta | None
) -> None:
    window = QueryWindow(BEGUN, lasts, None if expires is None else BEGUN + expires)
    following = window.next_question(BEGUN + now, checks)
    if now >= lasts:
        assert following is None
    else:
        assert following is not None
        assert BEGUN + now < following <= min(BEGUN + now + HOUR, BEGUN + lasts)
