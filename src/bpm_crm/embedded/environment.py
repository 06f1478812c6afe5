"""The environment that every child process gets, whatever the caller's own looks like."""


def clean_environment() -> dict[str, str]:
    """Return a fresh environment without PG*, HOME, LD_* and the caller's locale and time zone.

    LC_ALL=C is set rather than left out: on macOS an unset locale makes the server multi-threaded and refuse to start. The locale
    of the data is given to initdb explicitly, and the server takes its own from there.
    """
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
