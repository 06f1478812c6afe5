"""GraphQL over HTTP to the letter: the 61 audits of the npm package `graphql-http` against the real application, signed in."""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.api.serving import served
from tests.api.stage import Stage

FOLDER = Path(__file__).parent / "http_audit"
AUDITS = 61


async def run(*command: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=FOLDER,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, (output or errors).decode()


async def audited(url: str, authorization: str) -> list[dict[str, Any]]:
    """The results of the audits; the header goes by a variable of the environment, so that no process list shows it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js with npm is not installed")
    if not (FOLDER / "node_modules").is_dir():
        code, output = await run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
        if code:
            pytest.skip(f"graphql-http cannot be installed here: {output[-300:]}")
    code, output = await run("node", "audit.mjs", url, AUTHORIZATION=authorization)
    assert code == 0, output
    found: list[dict[str, Any]] = json.loads(output)
    return found


async def test_the_application_passes_all_audits(stage: Stage) -> None:
    async with served(stage.api.application, lifespan="off") as url:
        results = await audited(f"{url}/graphql", f"Bearer {stage.api.token('admin')}")
    assert len(results) == AUDITS
    assert [result for result in results if result["status"] != "ok"] == []


async def test_with_a_forged_token_audits_fail(stage: Stage) -> None:
    """The negative control: the header arrives, and the audits notice what is answered."""
    async with served(stage.api.application, lifespan="off") as url:
        results = await audited(f"{url}/graphql", "Bearer forged")
    assert [result["id"] for result in results if result["status"] == "error"]
