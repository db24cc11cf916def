"""The schema: brought up to date, and refused where it is not the one this program knows."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import asyncpg
import pytest

from seawall_cli.embedded import free_port
from seawall_ledger import SCHEMA_VERSION, LedgerError, LedgerUnavailable, SchemaMismatch, connect
from seawall_ledger.history import HISTORY_TABLES
from seawall_ledger.main import main
from seawall_ledger.migrate import MIGRATIONS, migrate
from seawall_proto import AccountReconciled, OrderFilled, OrderStateChanged, PositionChanged, StopChanged
from tests.worlds.ledger_samples import order


async def run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_migrating_again_keeps_what_is_there(migrated_url: str) -> None:
    ledger = await connect(migrated_url, application="execution")
    async with ledger.transaction() as tx:
        await tx.record(order())
    await ledger.close()
    assert await migrate(migrated_url) == SCHEMA_VERSION
    ledger = await connect(migrated_url, application="execution")
    assert await ledger.order("client-1") == order()
    await ledger.close()


async def test_a_database_of_the_first_version_gains_the_new_tables_and_keeps_its_rows(postgres_url: str) -> None:
    versions = MIGRATIONS / "versions"
    for name in ("v0001_money.sql", "v0001_history.sql"):
        await run(postgres_url, (versions / name).read_text())
    await run(postgres_url, "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    await run(postgres_url, "INSERT INTO alembic_version VALUES ('0001')")
    await run(postgres_url, "INSERT INTO trades VALUES ('v', 's', 1, '1', 2, 3, 'buy', 4, 'trade-1')")
    assert await migrate(postgres_url) == SCHEMA_VERSION
    connection = await asyncpg.connect(postgres_url)
    try:
        assert await connection.fetchval("SELECT id FROM trades") == "trade-1"
        for table in HISTORY_TABLES:
            rows = await connection.fetch(f"SELECT {', '.join(table.columns)} FROM {table.name}")
            assert len(rows) == (table.name == "trades")
    finally:
        await connection.close()


async def test_two_that_migrate_at_once_take_turns(postgres_url: str) -> None:
    assert set(await asyncio.gather(migrate(postgres_url), migrate(postgres_url))) == {SCHEMA_VERSION}


async def test_plain_postgresql_is_named_in_the_log(postgres_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "seawall_ledger"):
        await migrate(postgres_url)
    assert "history tables stay plain" in caplog.text


async def test_a_database_never_migrated_is_refused(postgres_url: str) -> None:
    with pytest.raises(SchemaMismatch, match=f"found none, expected {SCHEMA_VERSION}; run 'seawall-ledger migrate'"):
        await connect(postgres_url, application="execution")


@pytest.mark.parametrize(("found", "words"), [("0000", "older than this program"), ("9999", "newer than this program")])
async def test_another_schema_version_is_refused_naming_both(migrated_url: str, found: str, words: str) -> None:
    await run(migrated_url, f"UPDATE alembic_version SET version_num = '{found}'")
    with pytest.raises(SchemaMismatch, match=f"found {found}, expected {SCHEMA_VERSION}.*{words}"):
        await connect(migrated_url, application="execution")


async def test_a_newer_database_is_not_migrated_back(migrated_url: str) -> None:
    await run(migrated_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match=f"found 9999, expected at most {SCHEMA_VERSION}"):
        await migrate(migrated_url)


async def test_a_migration_that_is_refused_leaves_the_database_as_it_was(postgres_url: str) -> None:
    await run(postgres_url, "CREATE TABLE bars (mine int)")
    with pytest.raises(LedgerError, match='relation "bars" already exists'):
        await migrate(postgres_url)
    connection = await asyncpg.connect(postgres_url)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert [row[0] for row in tables] == ["bars"]


async def test_a_database_that_does_not_answer_is_told_within_the_patience() -> None:
    url = f"postgresql://seawall@127.0.0.1:{free_port()}/seawall"
    async with asyncio.timeout(3):
        with pytest.raises(LedgerUnavailable, match=r"PostgreSQL gave no answer in 0\.5 s"):
            await connect(url, application="execution", patience_s=0.5)


async def test_a_wrong_password_is_a_refusal_and_not_waited_for(migrated_url: str) -> None:
    wrong = migrated_url.replace("seawall:", "seawall:not-", 1)
    async with asyncio.timeout(3):
        with pytest.raises(LedgerError, match=r"PostgreSQL refused.*password") as refused:
            await connect(wrong, application="execution")
    assert not isinstance(refused.value, LedgerUnavailable)


async def test_a_missing_database_is_a_refusal(migrated_url: str) -> None:
    with pytest.raises(LedgerError, match='database "nowhere" does not exist'):
        await connect(migrated_url.rpartition("/")[0] + "/nowhere", application="execution")


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (OrderStateChanged, "orders"),
        (OrderFilled, "fills"),
        (PositionChanged, "positions"),
        (StopChanged, "stops"),
        (AccountReconciled, "accounts"),
    ],
)
async def test_every_money_table_keeps_the_whole_event(migrated_url: str, kind: type, table: str) -> None:
    connection = await asyncpg.connect(migrated_url)
    rows = await connection.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = $1", table)
    await connection.close()
    assert "payload" in {row[0] for row in rows}, f"{table} would lose fields that {kind.__name__} gains"


def config_file(folder: Path, url: str) -> Path:
    """Write a configuration whose password stands in a file of its own, as in real use."""
    user, _, rest = url.partition("@")
    name, _, password = user.rpartition(":")
    (folder / "password").write_text(f"{password}\n")
    path = folder / "seawall.toml"
    path.write_text(f'mode = "paper"\n[database]\nurl = "{name}@{rest}"\npassword_file = "{folder / "password"}"\n')
    return path


def test_the_console_script_migrates_and_names_the_version(
    postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(config_file(tmp_path, postgres_url))
    assert main(["version", "--config", config]) == 0
    assert capsys.readouterr().out.strip() == f"found none, expected {SCHEMA_VERSION}"
    assert main(["migrate", "--config", config]) == 0
    assert main(["version", "--config", config]) == 0
    assert capsys.readouterr().out.split("\n")[-2] == f"found {SCHEMA_VERSION}, expected {SCHEMA_VERSION}"
    assert main(["say-again", "--config", config, "--hours", "2"]) == 0
    assert capsys.readouterr().out.strip() == "0 events will be published again"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("[database", 2, "seawall.toml"),
        ("[database]\nurl = 5", 2, "Expected `str`, got `int`"),
        ('[database]\nurl = "postgresql://127.0.0.1/x"\npassword_file = "nowhere"', 1, "password file nowhere"),
    ],
)
def test_the_console_script_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: int, words: str
) -> None:
    path = tmp_path / "seawall.toml"
    path.write_text(text)
    assert main(["migrate", "--config", str(path)]) == code
    assert words in capsys.readouterr().err
