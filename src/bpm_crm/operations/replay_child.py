"""A process that judges histories: `python -m bpm_crm.operations.replay_child`, JSON lines in and out.

The first line is the court, each other one some histories; for each of these it answers with a line. It ends when its input does, so
that it never outlives who asked; it is a process of its own because judging takes a core, and its asker has clocks to watch.
"""

import sys
from typing import Any

import orjson

from bpm_crm.operations.replay_court import Court, History


def main() -> None:
    """Judge until there is nothing more."""
    given = orjson.loads(sys.stdin.buffer.readline())
    versions = {int(number): document for number, document in given.pop("versions").items()}
    court = Court(versions=versions, **given)
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        out.write(orjson.dumps(_answer(court, orjson.loads(line))) + b"\n")
        out.flush()


def _answer(court: Court, histories: list[list[Any]]) -> dict[str, Any]:
    judged = court.judge([History(*history) for history in histories])
    numbers = judged.tally.numbers()
    return {
        "tally": judged.tally.packed(),
        "found": [[case, [numbers[key] for key in keys]] for case, keys in judged.found],
    }


if __name__ == "__main__":
    main()
