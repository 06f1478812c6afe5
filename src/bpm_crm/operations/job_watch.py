"""Jobs as they go on: wakes those who follow one in this process, when a notice of it is heard or may have been missed."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID


class JobWatch:
    """Followers of jobs. `heard` and `gap` are called by the listener; several notices may make one waking."""

    def __init__(self) -> None:
        self._followers: dict[UUID, set[asyncio.Event]] = {}

    def heard(self, job_id: UUID) -> None:
        """A job went on."""
        for changed in self._followers.get(job_id, ()):
            changed.set()

    def gap(self) -> None:
        """Notices may have been missed."""
        for job_id in self._followers:
            self.heard(job_id)

    @contextmanager
    def following(self, job_id: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever the job may have gone on; the follower clears it before it looks."""
        changed = asyncio.Event()
        followers = self._followers.setdefault(job_id, set())
        followers.add(changed)
        try:
            yield changed
        finally:
            followers.discard(changed)
            if not followers and self._followers.get(job_id) is followers:
                del self._followers[job_id]
