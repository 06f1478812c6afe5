"""What the SQL of KPIs is asked with: what published versions say of stages, checkpoints and data fields."""

from collections.abc import Sequence
from typing import Any

from bpm_crm.analytics.estimates import FEWEST_SETTLED, MOST_SETTLED
from bpm_crm.analytics.frames import Version, bound_fields, columns


def values_of(versions: Sequence[Version]) -> dict[str, Any]:
    """The named values that KPI files may use, but for the instants of a question."""
    return {
        "fewest_settled": FEWEST_SETTLED,
        "most_settled": MOST_SETTLED,
        "definitions": list(dict.fromkeys(version.definition_id for version in versions)),
        **columns(
            "response",
            ("definitions", "versions", "checkpoints"),
            [
                (version.definition_id, version.number, version.clocks["response"]["checkpoint"])
                for version in versions
                if version.clocks.get("response", {}).get("checkpoint") is not None
            ],
        ),
        **columns(
            "key_stage",
            ("definitions", "versions", "stages"),
            [(item.definition_id, item.number, item.key_stage) for item in versions if item.key_stage is not None],
        ),
        **columns(
            "step",
            ("definitions", "versions", "checkpoints", "places"),
            [
                (version.definition_id, version.number, key, part["order"])
                for version in versions
                for key, part in version.checkpoints.items()
                if part.get("order") is not None
            ],
        ),
        **bound_fields("amount", versions),
    }
