"""Alembic's entry: runs the migrations over the connection that gateway.store.migrate hands in."""

from alembic import context

from gateway.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
