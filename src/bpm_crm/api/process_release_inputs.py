"""What publishing, retiring and installing are asked for with."""

import strawberry

from bpm_crm.api.checks import KEY_DESCRIPTION
from bpm_crm.api.process_draft_types import DOCUMENT


@strawberry.input(description="Publish the next version of a process: a document, or its draft.")
class PublishProcessInput:
    """Publish the next version of a process."""

    process: str | None = strawberry.field(
        default=None, description="Key of the process; without a document, its draft is published."
    )
    document: str | None = strawberry.field(default=None, description=DOCUMENT)
    changelog: str = strawberry.field(default="", description="What is new in this version, for its readers.")
    base_version: int | None = strawberry.field(
        default=None,
        description="Newest version that the author of the document knew: a newer one refuses it. Of a draft: its own.",
    )
    expected_revision: int | None = strawberry.field(default=None, description="Revision of the draft as it was seen.")
    is_held: bool = strawberry.field(
        default=False, description="Whether new cases are to go on as they are, until a rollout brings this version."
    )
    dry_run: bool = strawberry.field(default=False, description="Decide and answer, but write nothing.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Retire a process: no case of it begins any more, those under way go on.")
class RetireProcessInput:
    """Retire a process."""

    process: str = strawberry.field(description="Key of the process.")
    comment: str | None = strawberry.field(default=None, description="Why; kept in the journal of the process.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Let cases of a retired process begin again.")
class ReinstateProcessInput:
    """Let cases of a retired process begin again."""

    process: str = strawberry.field(description="Key of the process.")
    comment: str | None = strawberry.field(default=None, description="Why; kept in the journal of the process.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Install the shipped processes again. What the company changed is left alone.")
class InstallProcessesInput:
    """Install the shipped processes again."""

    processes: list[str] | None = strawberry.field(default=None, description="Keys of shipped processes; null: all.")
    dry_run: bool = strawberry.field(default=False, description="Tell what would be done, but do nothing.")
    comment: str | None = strawberry.field(default=None, description="Why; kept in the journal.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)
