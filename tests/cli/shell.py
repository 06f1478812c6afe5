"""Commands as a person runs them, on a world's database."""

import asyncio
from pathlib import Path

from typer.testing import CliRunner, Result

from bpm_crm.cli.main import app
from tests.world import World


class Shell:
    """Runs commands on a world's database."""

    def __init__(self, world: World, home: Path) -> None:
        access = world.access
        self.environment = {
            "BPM_CRM_HOME": str(home),
            "BPM_CRM_DATABASE_URL": access.owner,
            "BPM_CRM_APP_DATABASE_URL": access.app,
            "BPM_CRM_WORKER_DATABASE_URL": access.worker,
        }

    async def run(self, *arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=self.environment)
