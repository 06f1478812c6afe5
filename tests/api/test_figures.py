"""Figures over GraphQL."""

from tests.analytics.leads import arrival, leads, up_to
from tests.api.client import Api

FUNNEL = """
query ($input: FunnelInput!) { funnel(input: $input) {
  mode orderMode asOf otherProcesses frame { asOf knownAt period { from to } filter processes { process firstVersion latestVersion } }
  total { ...S } segments { ...S } unmappedStages { stage count }
} }
fragment S on FunnelSegment { dimension { dimension key title } entered greatestLossByCount greatestLossByRate
  steps { checkpoint title entered reached lost open loss stepConversion overallConversion lowerBound upperBound
    instances(first: 2) { totalCount nodes { id stage { key } } } } }
"""


async def test_the_worked_example_over_graphql(api: Api) -> None:
    reached = (100, 50, 20, 5, 0, 25)
    stories = [up_to(step) for step, many in enumerate(reached, 1) for _ in range(many)]
    await leads(api.world, ((arrival(api.world, 0), *story) for story in stories))
    data = await api.data(FUNNEL, input={"process": "callback-request", "groupBy": ["CHANNEL", "OWNER"]})
    print(data)
