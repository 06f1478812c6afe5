"""The yardstick of reading: a Starlette endpoint that returns a page as JSON made by one SQL statement."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

STATEMENT = """
SELECT json_build_object('data', json_build_object('processInstances', json_build_object('nodes', coalesce(json_agg(page), '[]'))))::text
FROM (
    SELECT
        i.id, i.sequence, coalesce(i.outcome, 'running') AS status, i.started_at AS "startedAt",
        json_build_object('key', i.stage, 'kind', 'open') AS stage,
        CASE WHEN u.id IS NOT NULL THEN json_build_object('id', u.id, 'name', u.name) END AS owner,
        CASE WHEN d.id IS NOT NULL THEN json_build_object(
            'key', d.key, 'amount', json_build_object('amount', d.amount::text, 'currency', d.currency)
        ) END AS deal,
        (
            SELECT json_agg(json_build_object('key', k, 'state', 'RUNNING', 'dueAt', to_timestamp((v->>3)::bigint / 1e6)))
            FROM jsonb_each(i.clocks) AS c (k, v)
        ) AS clocks
    FROM process_instance AS i
    LEFT JOIN app_user AS u ON u.tenant_id = i.tenant_id AND u.id = i.owner_id
    LEFT JOIN deal AS d ON d.tenant_id = i.tenant_id AND d.id = i.deal_id
    WHERE i.tenant_id = $1
    ORDER BY i.id DESC
    LIMIT $2
) AS page
"""


@asynccontextmanager
async def lifespan(application: Starlette) -> AsyncIterator[None]:
    """A pool for the life of the process."""
    application.state.pool = await asyncpg.create_pool(os.environ["BENCH_DSN"], min_size=1, max_size=4)
    yield
    await application.state.pool.close()


async def page(request: Request) -> Response:
    """The page."""
    tenant = os.environ["BENCH_TENANT"]
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL app.tenant_id = '{tenant}'")
        text = await connection.fetchval(STATEMENT, tenant, int(request.query_params["first"]))
    return Response(text, media_type="application/json")


app = Starlette(routes=[Route("/page", page)], lifespan=lifespan)
