"""The attribute elements of XES: typed, nested, in lists."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from bpm_crm.exchange.xes.faults import XesCode, XesInvalid, clipped
from bpm_crm.exchange.xes.limits import Limits
from bpm_crm.exchange.xes.model import Attributes, Entry, Value
from bpm_crm.exchange.xes.values import LiteralInvalid

LISTS = ("list", "container")


class OpenList:
    """A list or container being read: takes members where `Attributes` takes attributes.

    Members stand in a `<values>`, whose own frame is then `values`, or directly inside. `holder` is None for the frame of a `<values>`.
    """

    __slots__ = ("holder", "key", "members", "values")

    def __init__(self, holder: "Attributes | OpenList | None", key: str) -> None:
        self.holder = holder
        self.key = key
        self.members: list[Entry] = []
        self.values: OpenList | None = None

    def __contains__(self, key: str) -> bool:
        return False

    def __setitem__(self, key: str, value: Value) -> None:
        self.members.append(Entry(key, value, Attributes()))

    def nest(self, key: str, below: Attributes) -> Attributes:
        """Put `below` under the last member, which is the one of this key, and return it."""
        self.members[-1] = Entry(key, self.members[-1].value, below)
        return below


Holder: TypeAlias = Attributes | OpenList
Slot: TypeAlias = Holder | tuple[Holder, str] | XesCode


class AttributeReader:
    """Reads attribute elements into what is on top of `stack`; other tags go to `opened` and `closed`.

    On the stack, a pair is an attribute that has nothing nested so far, with its holder; a code is what attributes are refused with there.
    """

    def __init__(
        self,
        literals: Mapping[str, Callable[[str], Value]],
        limits: Limits,
        opened: Callable[[str, dict[str, str]], None],
        closed: Callable[[str], None],
        fault: Callable[[XesCode, str], XesInvalid],
    ) -> None:
        self.stack: list[Slot] = []
        self._literals, self._opened, self._closed, self._fault = literals, opened, closed, fault
        self._longest, self._deepest = limits.value_characters, limits.depth
        self._readers: dict[str, Callable[[str], Value]] = {}
        self._names: Mapping[str, str] = {}

    def learn(self, names: Mapping[str, str]) -> None:
        """Take the local names of XES by the tags this document writes them with; before this, every tag goes to `opened`."""
        self._names = names
        self._readers = {tag: self._literals[name] for tag, name in names.items() if name in self._literals}

    def start(self, tag: str, given: dict[str, str]) -> None:
        """A tag opens."""
        read = self._readers.get(tag)
        if read is None:
            self._start_other(tag, given)
            return
        top = self.stack[-1]
        holder = top if isinstance(top, Attributes) else self._holder(tag)
        try:
            key, text = given["key"], given["value"]
            value = read(text)
        except KeyError as error:
            raise self.missing(tag, str(error.args[0]), given) from error
        except LiteralInvalid as error:
            raise self._fault(error.code, f"{error.message} (attribute {clipped(given['key'])})") from error
        if len(text) > self._longest:
            raise self._too_long("value", key)
        if key in holder or len(key) > self._longest:
            raise self._bad_key(key, holder)
        holder[key] = value
        self.stack.append((holder, key))

    def end(self, tag: str) -> None:
        """A tag closes."""
        top = self.stack.pop()
        if isinstance(top, tuple):
            return
        if isinstance(top, OpenList):
            self._close_list(top)
        elif tag not in self._readers:
            self._closed(tag)

    def missing(self, tag: str, field: str, given: Mapping[str, str]) -> XesInvalid:
        """The fault of an element without one of its XML attributes."""
        name = self._names.get(tag, tag)
        of_key = f" (attribute {clipped(given['key'])})" if "key" in given else ""
        return self._fault(XesCode.MISSING_FIELD, f"<{name}> has no {field}{of_key}")

    def misplaced(self, tag: str, code: XesCode = XesCode.UNEXPECTED_ELEMENT) -> XesInvalid:
        """The fault of an element where XES allows none of its kind."""
        return self._fault(code, f"the element {clipped(self._names.get(tag, tag))} does not belong here")

    def _start_other(self, tag: str, given: dict[str, str]) -> None:
        name = self._names.get(tag)
        if name in LISTS:
            self._open_list(tag, given)
        elif name == "values":
            self._open_values(tag)
        else:
            self._opened(tag, given)

    def _holder(self, tag: str) -> Holder:
        """What takes the attribute that opens; an attribute that had nothing nested becomes a holder here."""
        top = self.stack[-1]
        if isinstance(top, XesCode):
            raise self.misplaced(tag, top)
        if not isinstance(top, tuple):
            return top
        if len(self.stack) >= self._deepest:
            raise self._fault(XesCode.TOO_DEEP, f"elements are nested more than {self._deepest} deep")
        holder, key = top
        self.stack[-1] = below = holder.nest(key, Attributes())
        return below

    def _open_list(self, tag: str, given: dict[str, str]) -> None:
        holder = self._holder(tag)
        key = given.get("key")
        if key is None:
            raise self.missing(tag, "key", given)
        self._check_key(key, holder)
        self._push(OpenList(holder, key))

    def _open_values(self, tag: str) -> None:
        top = self.stack[-1]
        if not isinstance(top, OpenList) or top.holder is None or top.values is not None:
            raise self.misplaced(tag)
        top.values = OpenList(None, "values")
        self._push(top.values)

    def _push(self, opened: OpenList) -> None:
        if len(self.stack) >= self._deepest:
            raise self._fault(XesCode.TOO_DEEP, f"elements are nested more than {self._deepest} deep")
        self.stack.append(opened)

    def _close_list(self, closed: OpenList) -> None:
        """Hand the list to its holder; what stands beside a `<values>` are the attributes of the list itself."""
        if closed.holder is None:
            return
        members = closed.members if closed.values is None else closed.values.members
        closed.holder[closed.key] = tuple(members)
        if closed.values is None or not closed.members:
            return
        below = closed.holder.nest(closed.key, Attributes())
        for entry in closed.members:
            self._check_key(entry.key, below)
            below[entry.key] = entry.value
            if entry.nested:
                below.nest(entry.key, entry.nested)

    def _check_key(self, key: str, holder: Holder) -> None:
        if key in holder or len(key) > self._longest:
            raise self._bad_key(key, holder)

    def _bad_key(self, key: str, holder: Holder) -> XesInvalid:
        if key in holder:
            return self._fault(XesCode.DUPLICATE_KEY, f"the key {clipped(key)} stands twice in one place")
        return self._too_long("key", key)

    def _too_long(self, part: str, key: str) -> XesInvalid:
        longest = f"{self._longest:,} characters"
        return self._fault(XesCode.VALUE_TOO_LONG, f"the {part} of attribute {clipped(key)} is longer than {longest}")
