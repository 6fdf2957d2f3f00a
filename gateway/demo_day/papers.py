"""What the day leaves on the desk: the month's report to sign, and as a workbook, as an officer downloads them."""

from pathlib import Path

from rich.console import Console

from gateway.demo_day.office import Office

FORMATS = ("pdf", "xlsx")


def save_reports(office: Office, folder: Path, console: Console) -> None:
    """Write the report of the newest run's month into `folder`, in each format, and name the files."""
    newest = office.call("finance", "GET", "/v1/reconciliation/runs?limit=1")["data"][0]
    month = newest["business_date"][:7]
    folder.mkdir(parents=True, exist_ok=True)
    for form in FORMATS:
        file = folder / f"month-{month}.{form}"
        file.write_bytes(office.download("finance", f"/v1/reconciliation/months/{month}/report?format={form}"))
        console.print(f"The report of {month}: {file}")
