"""C9: pgbench, 8 clients, the same minimal transition in nine statements on the same server; the unit everything is measured in."""

import asyncio
import re
import subprocess

import asyncpg

from benchmarks.ground import DATABASE, Ground

CLIENTS = 8
SECONDS = 5
CASES = 20_000

_TABLES = """
CREATE SCHEMA c9;
CREATE TABLE c9.instance (
    tenant uuid, id int, stage text, sequence int DEFAULT 0, owner uuid, entered_at timestamptz DEFAULT now(), next_due_at timestamptz,
    data jsonb, PRIMARY KEY (tenant, id)
);
CREATE INDEX ON c9.instance (next_due_at) WHERE next_due_at IS NOT NULL;
CREATE TABLE c9.history (
    tenant uuid, instance int, sequence int, transition text, from_stage text, to_stage text, actor uuid, occurred_at timestamptz,
    recorded_at timestamptz DEFAULT now(), data jsonb
);
CREATE INDEX ON c9.history (tenant, instance, sequence);
CREATE TABLE c9.visit (tenant uuid, instance int, stage text, entered_at timestamptz, left_at timestamptz);
CREATE INDEX ON c9.visit (tenant, instance) WHERE left_at IS NULL;
CREATE TABLE c9.clock (tenant uuid, instance int, policy text, started_at timestamptz, due_at timestamptz, stopped_at timestamptz, state text);
CREATE INDEX ON c9.clock (tenant, instance) WHERE state = 'running';
CREATE TABLE c9.checkpoint (tenant uuid, instance int, checkpoint text, reached_at timestamptz);
CREATE INDEX ON c9.checkpoint (tenant, instance);
CREATE TABLE c9.outbox (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, tenant uuid, payload jsonb, created_at timestamptz DEFAULT now());
"""
_TENANT = "'0190a1b2-0000-7000-8000-000000000000'"
_FILL = f"""
INSERT INTO c9.instance SELECT {_TENANT}, n, 'offer', 0, gen_random_uuid(), now(), now() + interval '1 day', '{{"amount": "100"}}'
FROM generate_series(1, {CASES}) AS n;
INSERT INTO c9.visit SELECT {_TENANT}, n, 'offer', now(), NULL FROM generate_series(1, {CASES}) AS n;
INSERT INTO c9.clock SELECT {_TENANT}, n, 'stuck', now(), now() + interval '1 day', NULL, 'running' FROM generate_series(1, {CASES}) AS n;
"""
_SCRIPT = f"""
\\set id random(1, {CASES})
BEGIN;
SELECT stage, sequence, data FROM c9.instance WHERE tenant = {_TENANT} AND id = :id FOR UPDATE;
UPDATE c9.instance SET stage = 'offer', sequence = sequence + 1, entered_at = now(), next_due_at = now() + interval '1 day'
    WHERE tenant = {_TENANT} AND id = :id;
INSERT INTO c9.history (tenant, instance, sequence, transition, from_stage, to_stage, actor, occurred_at, data)
    VALUES ({_TENANT}, :id, 1, 'revise', 'offer', 'offer', {_TENANT}, now(), '{{"amount": "200"}}');
UPDATE c9.visit SET left_at = now() WHERE tenant = {_TENANT} AND instance = :id AND left_at IS NULL;
INSERT INTO c9.visit VALUES ({_TENANT}, :id, 'offer', now(), NULL);
UPDATE c9.clock SET stopped_at = now(), state = 'met' WHERE tenant = {_TENANT} AND instance = :id AND state = 'running';
INSERT INTO c9.clock VALUES ({_TENANT}, :id, 'stuck', now(), now() + interval '1 day', NULL, 'running');
INSERT INTO c9.checkpoint VALUES ({_TENANT}, :id, 'offer', now());
INSERT INTO c9.outbox (tenant, payload) VALUES ({_TENANT}, '{{"moved": 1}}');
COMMIT;
"""


async def prepare(ground: Ground) -> None:
    """Make and fill the tables of C9, once per ground."""
    connection = await asyncpg.connect(ground.server.dsn(ground.server.superuser, DATABASE))
    await connection.execute(_TABLES)
    await connection.execute(_FILL)
    await connection.execute("ANALYZE")
    await connection.close()


async def measure(ground: Ground) -> float:
    """Transitions per second of C9."""
    script = ground.home / "c9.sql"
    script.write_text(_SCRIPT)
    command = [ground.pgbench, "-n", "-h", str(ground.server.socket_directory), "-p", str(ground.server.port)]
    command += [
        "-U",
        ground.server.superuser,
        "-c",
        str(CLIENTS),
        "-j",
        "2",
        "-T",
        str(SECONDS),
        "-f",
        str(script),
        DATABASE,
    ]
    found = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    tps = re.search(r"tps = ([0-9.]+)", found.stdout)
    if tps is None:
        raise ValueError(found.stdout)
    return float(tps.group(1))
