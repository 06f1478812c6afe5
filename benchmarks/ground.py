"""The ground the benchmarks stand on: a durable private server of their own and a company with its processes."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from bpm_crm.api.issuer import BuiltInIssuer, new_private_key
from bpm_crm.config import ISSUER_KEY, Settings
from bpm_crm.embedded.binaries import find_binaries
from bpm_crm.embedded.server import Server, ensure_server
from bpm_crm.operations.access import EVERYTHING, Viewer
from bpm_crm.operations.commands import Capture, Fire
from bpm_crm.operations.demo.loading import ensure_company
from bpm_crm.operations.leads import Lead, capture_of
from bpm_crm.operations.viewers import viewer_of_user
from bpm_crm.records import migrations
from bpm_crm.records.bootstrap import Access, prepare_server
from bpm_crm.records.database import Database
from bpm_crm.records.reference import Reference, load_reference

DATABASE = "bench"

HAPPY_PATH: tuple[tuple[str, dict[str, Any]], ...] = (
    ("contact", {}),
    ("qualify", {"need": "a roof"}),
    ("make_offer", {"amount": "1000.50"}),
    ("agree", {}),
    ("sign", {"contract_number": "1"}),
    ("send_invoice", {"invoice_number": "1", "invoice_due_on": "2026-12-24"}),
    ("pay", {"paid_amount": "1000.50"}),
    ("deliver", {"delivered_on": "2026-12-01"}),
)


@dataclass(frozen=True, slots=True)
class Ground:
    """A server with durable settings, a migrated database, the demo company, and a salesperson to act as."""

    home: Path
    server: Server
    access: Access
    tenant_id: UUID
    reference: Reference
    seller: Viewer

    @property
    def pgbench(self) -> str:
        """The load generator of the server's own binaries."""
        return str(find_binaries().program("pgbench"))

    def server_seconds(self) -> float:
        """The processor time of the server's processes so far, those that have ended included, where the system tells it (else 0)."""
        postmaster, found = self.server.pid, 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                number, fields = int(path.parent.name), path.read_text().rpartition(")")[2].split()
                if number == postmaster:
                    found += sum(map(int, fields[11:15]))
                elif int(fields[1]) == postmaster:
                    found += sum(map(int, fields[11:13]))
        return found / os.sysconf("SC_CLK_TCK")

    async def analyse(self) -> None:
        """Gather the statistics that autovacuum would have gathered on a server of some age; C9 has had it too."""
        owner = await Database.connect(self.access.owner, size=2)
        await owner.analyse()
        await owner.close()

    def capture(self, external_id: str, at: datetime | None = None) -> Capture:
        """The command that captures a call-back request."""
        lead = Lead("callback-request", external_id=external_id, team="moscow", occurred_at=at)
        found = capture_of(self.reference, self.seller, EVERYTHING, lead)
        if not isinstance(found, Capture):
            raise TypeError(found)
        return found

    def token(self, role: str = "sales") -> str:
        """A token of the salesperson, or of the first user whose address begins with a role's name."""
        settings = Settings(home=self.home)
        key = (self.home / ISSUER_KEY).read_bytes()
        issuer = BuiltInIssuer(key, issuer=settings.issuer, audience=settings.audience)
        people = sorted(self.reference.users.values(), key=lambda user: user.email)
        user_id = next(user.id for user in people if user.email.startswith(role))
        return issuer.issue(tenant_id=self.tenant_id, user_id=user_id, at=datetime.now(UTC), lifetime=LIFETIME)


LIFETIME = timedelta(hours=6)


def moves() -> list[Fire]:
    """The moves from a new call-back request to a won deal."""
    return [Fire(trigger, data) for trigger, data in HAPPY_PATH]


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """A fresh ground, removed afterwards."""
    home = await asyncio.to_thread(_new_home)
    server = await asyncio.to_thread(ensure_server, home, settings={"max_wal_size": "4GB", "shared_buffers": "512MB"})
    try:
        await prepare_server(server.dsn(server.superuser, "postgres"), DATABASE)
        access = Access(*(server.dsn(role, DATABASE) for role in ("bpm_crm_owner", "bpm_crm_app", "bpm_crm_worker")))
        await migrations.upgrade(access.owner)
        owner = await Database.connect(access.owner, size=2)
        tenant_id = await ensure_company(owner, datetime.now(UTC))
        async with owner.reader(tenant_id) as connection:
            reference = await load_reference(connection, tenant_id)
        await owner.close()
        if reference is None:
            raise LookupError("the company is founded")
        seller_id = next(user.id for user in reference.users.values() if user.email.startswith("sales@"))
        seller = viewer_of_user(reference, seller_id)
        if seller is None:
            raise LookupError("the seller is active")
        yield Ground(home, server, access, tenant_id, reference, seller)
    finally:
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)


def _new_home() -> Path:
    """A directory any account may enter, as the server runs as another one when we are root; with a key to issue tokens with."""
    home = Path(tempfile.mkdtemp(prefix="bpm-crm-bench-"))
    home.chmod(0o755)
    (home / ISSUER_KEY).write_bytes(new_private_key())
    return home
