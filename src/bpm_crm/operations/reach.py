"""The reach of a permission as a condition on rows: the same rule as `Scope.covers`, for statements."""

from bpm_crm.operations.access import Reach, Scope
from bpm_crm.records.selection import All, AnyOf, Compare, Condition, Operator


def scope_condition(scope: Scope, alias: str) -> Condition:
    """The rows inside a scope, of a table with owner, team and channel columns."""
    if scope.reach is Reach.ALL:
        return All()
    if scope.user_id is None:
        if scope.channel_ids is None:
            return All()
        return Compare(f"{alias}.channel_id", Operator.IN, sorted(scope.channel_ids), "uuid")
    mine = Compare(f"{alias}.owner_id", Operator.EQ, scope.user_id, "uuid")
    queue = Compare(f"{alias}.team_id", Operator.IN, sorted(scope.team_ids), "uuid")
    if scope.reach is Reach.TEAM:
        return AnyOf((mine, queue))
    return AnyOf((mine, All((Compare(f"{alias}.owner_id", Operator.IS_NULL, True, "uuid"), queue))))
