"""Homes of servers started by tests."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def an_open_home() -> Iterator[Path]:
    """A new directory that any OS user may enter: under root the server runs as another one, which pytest's folders shut out."""
    with tempfile.TemporaryDirectory(prefix="bpm-crm-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
