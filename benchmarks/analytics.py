"""`make bench-analytics`: dashboard figures over many cases, through GraphQL, against the same questions asked of history in plain SQL."""

import argparse
import json
import time
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from statistics import median

import orjson
import uvloop

from benchmarks import cloning, load, processes
from benchmarks.asking import ROUNDS, ask, dashboards, timed, while_waiting
from benchmarks.costs import Progress, catch_up, fill, write_cost
from benchmarks.ground import Ground, ground
from benchmarks.multiplying import multiply
from benchmarks.questions import KPI, KPI_LISTS, questions
from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.records.database import Database

PORT = 8753
KPI_ROUNDS = 3
RESULTS = Path(__file__).parent / "results"


async def main() -> None:
    """Load, build the cells, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cases", type=int, default=1_000_000, help="how many cases; 10000000 needs some 120 GB of disk"
    )
    parser.add_argument(
        "--times", type=int, default=1, help="ask dashboards of cells of so many times as many cases, too"
    )
    arguments = parser.parse_args()
    cases, times = arguments.cases, arguments.times
    async with ground() as here:
        begun = time.perf_counter()
        rows = await cloning.load(here, cases, told=Progress("loaded", cases))
        print(f"{cases} cases, {rows} rows of history, loaded in {time.perf_counter() - begun:.0f} s", flush=True)
        worker = await Database.connect(here.access.worker, size=4)
        filling = await fill(here, worker, cases)
        async with worker.reader(here.tenant_id) as connection:
            for row in await connection.fetch(_SIZES):
                print(f"  {row['name']:18} {row['size'] / 2**20:8.0f} MB")
        async with processes.api(here, PORT) as port:
            figures = await dashboards(here, worker, port)
            figures |= await while_waiting(here, worker, port)
            kpis = await _kpis(here, port)
        said = {
            "cases": cases,
            "rows of history": rows,
            "filling": filling,
            "figures": figures,
            "KPIs, ms": kpis,
            "writing": await write_cost(here),
            "catching up": await catch_up(here, worker),
        }
        if times > 1:
            print(
                f"{await multiply(worker, here.tenant_id, times)} cells made those of {times} times as many cases",
                flush=True,
            )
            async with processes.api(here, PORT) as port:
                said[f"dashboards of {times} times as many cases"] = {
                    name: await ask(here, port, name, asked, ROUNDS) for name, asked in questions().items()
                }
        await worker.close()
    RESULTS.mkdir(exist_ok=True)
    at = datetime.now(UTC)
    (RESULTS / f"analytics-{at:%Y%m%d-%H%M%S}.json").write_text(json.dumps(said, indent=1) + "\n")


async def _kpis(here: Ground, port: int) -> dict[str, dict[str, float | None]]:
    """Milliseconds of each KPI and of pages of its cases, over a month and a year, through HTTP and GraphQL; None where the API gives up."""
    return {key: await _kpi(here, port, key) for key in CATALOGUE}


async def _kpi(here: Ground, port: int, key: str) -> dict[str, float | None]:
    known, found = questions(), dict[str, float | None]()
    kinds: dict[str, tuple[str, list[str]]] = {
        "": (KPI, []),
        ", by owner": (KPI, [Dimension.OWNER.name]),
        ", lists": (KPI_LISTS, []),
    }
    for name, (kind, (query, grouping)) in product(("month", "year"), kinds.items()):
        since, until = (at.date().isoformat() for at in known[f"cohort funnel of a {name}, all"].period)
        period = {"fromDate": since} if CATALOGUE[key].is_snapshot else {"fromDate": since, "toDate": until}
        variables = {"key": key, "period": period, "groupBy": grouping}
        request = load.prepared(orjson.dumps({"query": query, "variables": variables}), here.token("admin"))
        client = await load.Connection.open(port)
        try:
            milliseconds = median([await timed(client.ask, request) for _ in range(KPI_ROUNDS)])
        except ValueError:
            milliseconds = None
        client.close()
        found[name + kind] = milliseconds
    shown = (f"{name} {'not answered' if took is None else f'{took:.0f} ms'}" for name, took in found.items())
    print(f"{key:22} {'   '.join(shown)}", flush=True)
    return found


_SIZES = """
SELECT c.relname AS name, pg_total_relation_size(c.oid) AS size FROM pg_class AS c
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY size DESC LIMIT 8
"""


if __name__ == "__main__":
    uvloop.run(main())
