"""Colours and letters of SVG pictures, light and dark; kept inside the picture by its class."""

from typing import Final

_LIGHT: Final = {
    "ground": "#ffffff", "edge": "#d5dae1", "ink": "#1b2430", "soft": "#3d4856", "line": "#5b6675",
    "open-fill": "#eef4fc", "open": "#3b6fb5", "initial-fill": "#dbe8fa", "initial": "#2a5ca0",
    "waiting-fill": "#fdf6e3", "waiting": "#8f6610", "won-fill": "#e4f5e9", "won": "#2d8a4e",
    "lost-fill": "#fbeaea", "lost": "#b5423b", "cancelled-fill": "#f1f1f3", "cancelled": "#6b7280",
    "clock": "#6d28d9", "badge": "#0f766e", "count": "#ffffff", "taken": "#c2410c",
    "slow-fill": "#fbd0cb", "slow": "#b42318", "warm-fill": "#fdecc8", "warm": "#a15c07",
    "calm-fill": "#dcf3e4", "calm": "#2d8a4e", "unknown-fill": "#f1f1f3", "unknown": "#6b7280",
}  # fmt: skip
_DARK: Final = {
    "ground": "#12171f", "edge": "#303a47", "ink": "#e8edf4", "soft": "#b9c4d2", "line": "#9aa7b8",
    "open-fill": "#1a2940", "open": "#6ea3e8", "initial-fill": "#21375a", "initial": "#8ab8f5",
    "waiting-fill": "#32290f", "waiting": "#d9ab47", "won-fill": "#14321f", "won": "#5cc383",
    "lost-fill": "#3a1a19", "lost": "#e5837c", "cancelled-fill": "#262b33", "cancelled": "#9aa3af",
    "clock": "#c9a6ff", "badge": "#2dd4bf", "count": "#06231f", "taken": "#fb923c",
    "slow-fill": "#5a1d18", "slow": "#f28b82", "warm-fill": "#4a3510", "warm": "#e3b341",
    "calm-fill": "#14321f", "calm": "#5cc383", "unknown-fill": "#262b33", "unknown": "#9aa3af",
}  # fmt: skip
_KINDS: Final = ("initial", "open", "waiting", "won", "lost", "cancelled")
_HEATS: Final = ("slow", "warm", "calm", "unknown")


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


STYLE: Final = "\n".join(
    (
        "",
        f".bpm-crm {{ {_variables(_LIGHT)} font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif; }}",
        f"@media (prefers-color-scheme: dark) {{ .bpm-crm {{ {_variables(_DARK)} }} }}",
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
