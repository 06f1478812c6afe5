"""A process that asks for a server: says on standard output what it got, and keeps it until its standard input closes."""

import json
import sys
from pathlib import Path

from bpm_crm.embedded import starting
from bpm_crm.embedded.errors import EmbeddedFault
from bpm_crm.embedded.server import ensure_server


def main(home: str, tie: str = starting.TIE) -> None:
    starting.TIE = tie
    try:
        server = ensure_server(Path(home), on_message=lambda words: sys.stderr.write(f"{words}\n"))
    except EmbeddedFault as fault:
        say({"fault": type(fault).__name__, "words": str(fault)})
        return
    say({"pid": server.pid, "owned": server.owned, "dsn": server.dsn("postgres", "postgres")})
    sys.stdin.read()
    server.stop()


def say(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
