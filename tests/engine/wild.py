"""Documents whose texts try whatever people, and people who mean harm, may write."""

from typing import Any

from hypothesis import strategies as st

from tests.engine.randoms import documents

NASTY = (
    "</text><script>alert(1)</script>",
    "a & b < c > d \"e\" 'f' ]]>",
    "Очень длинное название стадии, в котором много слов и которое никуда не помещается целиком",
    "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlungsstelle",
    "客户正在考虑我们的报价并且还没有决定",
    "x: y --> z; note #35; %% [*] {end} \\n state",
    "tab\tand\nnew line",
    "\u202eright to left",
    "end",
    "<img src=x onerror=alert(1)>",
)

texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(lambda text: text.strip() != ""),
)


@st.composite
def wild_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A random document with wild titles and guard texts."""
    data = draw(documents())
    data["title"] = {"en": draw(texts), "ru": draw(texts)}
    data["description"] = {"en": draw(texts), "ru": draw(texts)}
    for section in ("stages", "transitions", "checkpoints", "clocks"):
        for part in data[section].values():
            part["title"] = {"en": draw(texts), "ru": draw(texts)}
    for part in data["transitions"].values():
        if isinstance(part.get("guard"), str) and draw(st.booleans()):
            part["guard"] = {"when": part["guard"], "message": {"en": draw(texts), "ru": draw(texts)}}
    return data
