"""What is written as YAML is read back as the same."""

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bpm_crm.processes.yaml_reader import read_yaml
from bpm_crm.processes.yaml_writer import write_yaml

LINE_BREAKS = "\n\x85\u2028\u2029"

words = st.text(
    st.one_of(st.sampled_from(LINE_BREAKS + " :#'\"-\t"), st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]))
)
keys = st.text("abcdefghij", min_size=1, max_size=8)
values = st.recursive(
    st.one_of(words, st.booleans(), st.integers(-999, 999)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
@example({"title": {"en": "one\x85two", "ru": "a\u2028 b"}})
@example({"title": "'one'\x85 \"two\"\n"})
def test_plain_data_comes_back_as_it_was(data: dict[str, Any]) -> None:
    assert read_yaml(write_yaml(data)).data == data
