"""Colours and letters of SVG pictures, light and dark; kept inside the picture by its class."""

from typing import Final

_COLOURS: Final = {
    "ground": ("#ffffff", "#12171f"), "edge": ("#d5dae1", "#303a47"), "ink": ("#1b2430", "#e8edf4"),
    "soft": ("#3d4856", "#b9c4d2"), "line": ("#5b6675", "#9aa7b8"), "open-fill": ("#eef4fc", "#1a2940"),
    "open": ("#3b6fb5", "#6ea3e8"), "initial-fill": ("#dbe8fa", "#21375a"), "initial": ("#2a5ca0", "#8ab8f5"),
    "waiting-fill": ("#fdf6e3", "#32290f"), "waiting": ("#8f6610", "#d9ab47"), "won-fill": ("#e4f5e9", "#14321f"),
    "won": ("#2d8a4e", "#5cc383"), "lost-fill": ("#fbeaea", "#3a1a19"), "lost": ("#b5423b", "#e5837c"),
    "cancelled-fill": ("#f1f1f3", "#262b33"), "cancelled": ("#6b7280", "#9aa3af"), "clock": ("#6d28d9", "#c9a6ff"),
    "badge": ("#0f766e", "#2dd4bf"), "count": ("#ffffff", "#06231f"), "taken": ("#c2410c", "#fb923c"),
    "slow-fill": ("#fbd0cb", "#5a1d18"), "slow": ("#b42318", "#f28b82"), "warm-fill": ("#fdecc8", "#4a3510"),
    "warm": ("#a15c07", "#e3b341"), "calm-fill": ("#dcf3e4", "#14321f"), "calm": ("#2d8a4e", "#5cc383"),
    "unknown-fill": ("#f1f1f3", "#262b33"), "unknown": ("#6b7280", "#9aa3af"),
}  # fmt: skip
"""By name: on light ground, and on dark."""
_KINDS: Final = ("initial", "open", "waiting", "won", "lost", "cancelled")
_HEATS: Final = ("slow", "warm", "calm", "unknown")


def _variables(ground: int) -> str:
    """The colours as variables: of the light ground (0) or of the dark one (1)."""
    return " ".join(f"--{name}: {colours[ground]};" for name, colours in _COLOURS.items())


STYLE: Final = "\n".join(
    (
        "",
        f".bpm-crm {{ {_variables(0)} font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif; }}",
        f"@media (prefers-color-scheme: dark) {{ .bpm-crm {{ {_variables(1)} }} }}",
        ".bpm-crm .ground { fill: var(--ground); stroke: var(--edge); }",
        ".bpm-crm text { fill: var(--ink); }",
        ".bpm-crm .line { fill: none; stroke: var(--line); stroke-width: 1.6; }",
        ".bpm-crm .head, .bpm-crm .dot { fill: var(--line); }",
        ".bpm-crm .box { stroke-width: 1.8; }",
        ".bpm-crm .any .box { fill: none; stroke: var(--line); stroke-dasharray: 3 4; }",
        ".bpm-crm .any .name { font-weight: 400; font-style: italic; }",
        *(f".bpm-crm .{kind} .box {{ fill: var(--{kind}-fill); stroke: var(--{kind}); }}" for kind in _KINDS),
        ".bpm-crm .initial .box, .bpm-crm .won .box { stroke-width: 3; }",
        ".bpm-crm .waiting .box { stroke-dasharray: 7 4; }",
        *(
            f".bpm-crm .heat-{heat} .box {{ fill: var(--{heat}-fill); stroke: var(--{heat}); stroke-width: 2.4; }}"
            for heat in _HEATS
        ),
        ".bpm-crm .visited .box, .bpm-crm .current .box { stroke: var(--taken); stroke-width: 3; }",
        ".bpm-crm .current .box { stroke-width: 6; }",
        ".bpm-crm .taken .line { stroke: var(--taken); stroke-width: 3; }",
        ".bpm-crm .taken .head { fill: var(--taken); }",
        ".bpm-crm .forced .line { stroke-dasharray: 6 5; }",
        ".bpm-crm .quiet .line { opacity: 0.55; }",
        ".bpm-crm .name { font-size: 15px; font-weight: 600; }",
        ".bpm-crm .note, .bpm-crm .legend { font-size: 12.5px; }",
        ".bpm-crm .clock { font-size: 12.5px; fill: var(--clock); }",
        ".bpm-crm .face { fill: none; stroke: var(--clock); stroke-width: 1.4; stroke-linecap: round; }",
        ".bpm-crm .move { font-size: 12.5px; font-style: italic; fill: var(--soft); }",
        ".bpm-crm .move.taken { fill: var(--taken); font-weight: 600; }",
        ".bpm-crm .badge { fill: var(--badge); }",
        ".bpm-crm .count { font-size: 12px; font-weight: 700; fill: var(--count); }",
        ".bpm-crm .middle { text-anchor: middle; }",
        "",
    )
)
