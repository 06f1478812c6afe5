"""The header of a log while it is being read: extensions, globals, classifiers."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from bpm_crm.exchange.xes.model import Attributes, Extension, Header

SCOPES = ("trace", "event")
LONGEST_KEY = 8
_WORD = re.compile(r"'([^']*)'|(\S+)")


class OpenHeader:
    """Collects what stands before the first trace."""

    def __init__(self, version: str | None) -> None:
        self.version = version
        self.attributes = Attributes()
        self.globals = {scope: Attributes() for scope in SCOPES}
        self._extensions: list[Extension] = []
        self._classifiers: dict[str, dict[str, str]] = {scope: {} for scope in SCOPES}

    def add_extension(self, extension: Extension) -> None:
        """Take up a declared vocabulary."""
        self._extensions.append(extension)

    def add_classifier(self, scope: str, name: str, keys: str) -> bool:
        """Take up a classifier; False when its scope already has one of that name."""
        known = self._classifiers[scope]
        if name in known:
            return False
        known[name] = keys
        return True

    def closed(self) -> Header:
        """The header as it is handed out."""
        return Header(
            version=self.version,
            extensions=tuple(self._extensions),
            globals=MappingProxyType(self.globals),
            classifiers=self._keys_of("event"),
            trace_classifiers=self._keys_of("trace"),
            attributes=self.attributes,
        )

    def _keys_of(self, scope: str) -> Mapping[str, tuple[str, ...]]:
        known = self.globals[scope]
        return MappingProxyType({name: classifier_keys(keys, known) for name, keys in self._classifiers[scope].items()})


def classifier_keys(text: str, known: Mapping[str, object]) -> tuple[str, ...]:
    """The attribute keys a classifier lists.

    Spaces separate them; a key with spaces is in single quotes, as IEEE 1849 has it, or is one of the `known` globals, as older
    writers have it: the longest run of up to
    eight words that is known is one key.
    """
    words = [quoted or bare for quoted, bare in _WORD.findall(text)]
    keys: list[str] = []
    at = 0
    while at < len(words):
        longest = min(LONGEST_KEY, len(words) - at)
        size = next((size for size in range(longest, 1, -1) if " ".join(words[at : at + size]) in known), 1)
        keys.append(" ".join(words[at : at + size]))
        at += size
    return tuple(keys)
