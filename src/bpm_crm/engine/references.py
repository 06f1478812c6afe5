"""The names a guard expression refers to, read from its checked form: its text hides some (`data . amount`) and shows false ones.

Literals and comments look like names, and calls look like parts of one (`data.need.size()`), so the text is no source for them.
"""

from collections.abc import Iterator

from bpm_crm.engine.wire import messages


def references(checked: bytes) -> Iterator[str]:
    """The variables and functions that a checked expression refers to, once for each place.

    `checked` is a serialized `google.protobuf.Any` of a `cel.expr.CheckedExpr`: there, `reference_map` is field 2, the value of an
    entry is its field 2, and the name of a reference is its field 1.
    """
    for expression in messages(checked, 2):
        for entry in messages(expression, 2):
            for reference in messages(entry, 2):
                yield from (name.decode() for name in messages(reference, 1))
