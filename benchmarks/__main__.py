"""`make bench`: every benchmark in one run, as ratios."""

import asyncio
import json
import platform
import statistics
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from benchmarks import c9, pages, processes, requests, starts, sweeping, writing
from benchmarks.ground import Ground, ground

ROUNDS = 5
API_PORT, PLAIN_PORT = 8751, 8752
RESULTS = Path(__file__).parent / "results"


async def main() -> None:
    """Run everything on one ground and print the ratios."""
    first, second = await asyncio.to_thread(starts.measure)
    print(f"first start, with the demo   {first:5.1f} s\nsecond start                 {second:5.1f} s")
    async with ground() as here:
        await c9.prepare(here)
        figures = await _writes(here)
        async with processes.api(here, API_PORT) as port, processes.plain(here, PLAIN_PORT) as plain:
            figures |= await _pages(here, port, plain)
        figures |= await _sweep(here)
    RESULTS.mkdir(exist_ok=True)
    at = datetime.now(UTC)
    figures |= {"first start, s": first, "second start, s": second}
    said = {"at": at.isoformat(), "machine": platform.platform(), "python": platform.python_version(), **figures}
    (RESULTS / f"{at:%Y%m%d-%H%M%S}.json").write_text(json.dumps(said, indent=1) + "\n")


async def _writes(here: Ground) -> dict[str, float]:
    """Each kind of writing between two measurements of C9; the ratio is to the mean of the two."""
    ratios: dict[str, list[float]] = {}
    yardsticks = [await c9.measure(here)]
    async with processes.api(here, API_PORT) as port:
        for number in range(ROUNDS):
            for name in ("engine, 64 in flight", "engine, 256 in flight", "HTTP, single", "HTTP, batches of 20"):
                found = await _one(here, name, port, f"{name}-{number}")
                yardsticks.append(await c9.measure(here))
                unit = statistics.mean(yardsticks[-2:])
                ratios.setdefault(name, []).append(found / unit)
                print(f"{name:24} {found:8.0f}/s   C9 {unit:6.0f}/s   ratio {found / unit:.2f}")
    medians = {name: statistics.median(found) for name, found in ratios.items()}
    for name, ratio in medians.items():
        print(f"{name:24} median ratio to C9: {ratio:.2f}")
    return {"C9 per second": statistics.median(yardsticks), **medians}


async def _one(here: Ground, name: str, port: int, label: str) -> float:
    match name:
        case "engine, 64 in flight":
            return await writing.measure(here, 64, label)
        case "engine, 256 in flight":
            return await writing.measure(here, 256, label)
        case "HTTP, single":
            return await requests.measure(here, port, batch=1, label=label)
        case _:
            return await requests.measure(here, port, batch=requests.BATCH, label=label)


async def _pages(here: Ground, port: int, plain_port: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    for first in (20, 100):
        ours, plain = await pages.measure(here, port, plain_port, first)
        print(
            f"page of {first:3}   p50 {ours.p50:5.1f} ms, p95 {ours.p95:5.1f} ms   plain p50 {plain.p50:5.1f} ms, p95 {plain.p95:5.1f} ms"
        )
        print(
            f"page of {first:3}   speed against plain: p50 {plain.p50 / ours.p50:.2f}, p95 {plain.p95 / ours.p95:.2f}"
        )
        figures |= {f"page of {first}, p50": plain.p50 / ours.p50, f"page of {first}, p95": plain.p95 / ours.p95}
    return figures


async def _sweep(here: Ground) -> dict[str, float]:
    swept = await sweeping.measure(here)
    print(f"sweep     {swept.per_second:.0f} cases/s; {swept.breaches} breaches of {swept.cases} cases")
    if swept.breaches != swept.cases or swept.cases != sweeping.DUE:
        raise SystemExit("a due clock was breached twice or not at all")
    return {"swept per second": swept.per_second}


if __name__ == "__main__":
    uvloop.run(main())
