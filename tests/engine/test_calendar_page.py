"""The page on business time runs."""

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/business-time.md"


def test_the_examples_of_the_page_on_business_time_give_what_it_says() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, PAGE.name, str(PAGE), 0)
    report: list[str] = []

    results = doctest.DocTestRunner().run(examples, out=report.append)

    assert results.failed == 0, "".join(report)
    assert results.attempted > 25
