"""A shell on the world's database."""

from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.world import World


@pytest.fixture
def shell(world: World, tmp_path: Path) -> Shell:
    return Shell(world, tmp_path)
