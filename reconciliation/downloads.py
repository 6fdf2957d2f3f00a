"""What is downloaded, as the answer of the API or of a page."""

from collections.abc import Iterator

from flask import Response

from reconciliation.reports.written import Report


def as_file(content: Iterator[bytes], name: str, content_type: str = "application/octet-stream") -> Response:
    """`content` to be kept as `name`, by nobody on the way."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, content_type=content_type, headers=headers)


def as_download(report: Report) -> Response:
    response = as_file(report.pieces(), report.name, report.content_type)
    response.call_on_close(report.file.close)
    response.headers["Content-Length"] = str(report.size_bytes)
    return response
