"""What came of publishing, retiring and installing, as the API tells it."""

from datetime import datetime

import strawberry

from bpm_crm.api.definitions import ProcessDefinitionType
from bpm_crm.api.errors import UserError
from bpm_crm.api.exposing import expose
from bpm_crm.api.people import User
from bpm_crm.api.requests import Repeatable
from bpm_crm.operations.installing import InstallState

expose(
    InstallState,
    "How a shipped process stands to that of the company.",
    {
        InstallState.NEW: "The company did not have it: it is published.",
        InstallState.SAME: "The company has it as it is shipped.",
        InstallState.CHANGED: "It is shipped otherwise than before: the next version is published.",
        InstallState.SKIPPED: "The company changed it, or rolls it out: it is left alone.",
    },
)


@strawberry.type(description="The version is published, or would be.")
class ProcessPublished(Repeatable):
    """The version is published."""

    process: str = strawberry.field(description="Key of the process.")
    version: int = strawberry.field(description="Number of the version.")
    checksum: str = strawberry.field(description="SHA-256 of the document.")
    is_new: bool = strawberry.field(description="False: the newest version says the same, and nothing was published.")
    is_dry_run: bool = strawberry.field(description="Whether nothing was written, as asked.")
    definition: ProcessDefinitionType | None = strawberry.field(
        description="The process after it; null on a dry run of a new one."
    )


@strawberry.type(
    description="Somebody published since the author of the document looked. Nothing was written: compare, merge, publish again."
)
class StaleProcessVersion(UserError):
    """Somebody published since the author looked."""

    expected_version: int | None = strawberry.field(description="Version that was taken for the newest; null: none.")
    latest_version: int | None = strawberry.field(description="The newest version; null: there is none.")
    published_at: datetime | None = strawberry.field(description="When that was published.")
    published_by: User | None = strawberry.field(description="Who published it; null: installed with the product.")


@strawberry.type(description="The process is being rolled out, which settles what new cases take. Nothing was written.")
class RolloutInTheWay(UserError):
    """The process is being rolled out."""

    version: int = strawberry.field(description="The version that is being rolled out.")


@strawberry.type(description="The process is retired, or in use again.")
class ProcessRetirement(Repeatable):
    """The process is retired, or in use again."""

    process: str = strawberry.field(description="Key of the process.")
    retired_at: datetime | None = strawberry.field(description="Since when it is retired; null: it is in use.")


@strawberry.type(description="A shipped process, and what became of it.")
class InstalledProcess:
    """A shipped process, and what became of it."""

    process: str = strawberry.field(description="Key of the process.")
    state: InstallState = strawberry.field(description="How it stands to that of the company.")
    version: int = strawberry.field(description="The newest version after it.")


@strawberry.type(description="The shipped processes are installed.")
class ProcessesInstalled(Repeatable):
    """The shipped processes are installed."""

    processes: list[InstalledProcess] = strawberry.field(description="Every one of them, by key.")
    is_dry_run: bool = strawberry.field(description="Whether nothing was written, as asked.")
