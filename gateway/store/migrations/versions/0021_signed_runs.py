"""What is signed stays: the database refuses every change of a signed run's rows."""

from pathlib import Path

from alembic import op

revision = "0021"
down_revision = "0018"

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.get_bind().exec_driver_sql((SQL / "signed_runs.sql").read_text().replace("%", "%%"))
