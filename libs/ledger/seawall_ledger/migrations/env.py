"""Alembic's entry: always renders SQL, never connects (asyncpg runs what comes out)."""

from alembic import context

context.configure(
    dialect_name="postgresql",
    dialect_opts={"paramstyle": "named"},  # the default style would double every percent sign
    output_buffer=context.config.output_buffer,
)
context.run_migrations()
