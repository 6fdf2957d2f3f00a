"""What is logged is JSON of allowed fields, and nothing that anybody said comes with it."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gateway.logs import configure_logging

SECRET = "Nguyễn Thị Thử 001199000001"


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_carries_the_id_of_its_request(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    structlog.contextvars.bind_contextvars(request_id="abc")
    structlog.get_logger().info("payment moved", payment="1", now="succeeded")
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["request_id"], line["payment"]) == ("payment moved", "info", "abc", "1")
    assert line["timestamp"].endswith("Z")


def test_what_may_not_be_written_is_named_and_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    structlog.get_logger().info("request", body=SECRET, authorization=SECRET, payer={"name": SECRET})
    (line,) = lines(capsys)
    assert line["dropped"] == ["authorization", "body", "payer"]
    assert SECRET not in json.dumps(line, ensure_ascii=False)


def test_an_exception_tells_where_and_what_but_not_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(SECRET) from error
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("library").exception("failed there")
    ours, theirs = lines(capsys)
    for line in (ours, theirs):
        assert (line["error"], line["causes"]) == ("ValueError", ["KeyError"])
        assert "test_logs.py" in line["trace"][-1]
        assert SECRET not in json.dumps(line, ensure_ascii=False)
    assert theirs["logger"] == "library"


def test_libraries_that_log_addresses_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("DEBUG")
    logging.getLogger("httpx").info("HTTP Request: POST https://provider.example/?token=secret")
    logging.getLogger("httpx").warning("trouble")
    assert [line["event"] for line in lines(capsys)] == ["trouble"]


def test_the_level_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("WARNING")
    structlog.get_logger().info("small talk")
    logging.getLogger("library").info("small talk")
    structlog.get_logger().warning("trouble")
    assert [line["event"] for line in lines(capsys)] == ["trouble"]
