"""The icons of the cards: strokes on a field of 20 by 20; each kind of work has its own shape."""

from auraos.cli.drawing.scene import CardKind

ICONS: dict[CardKind, str] = {
    CardKind.ACTION: (
        '<path d="M6 4.2v11.6a.6.6 0 0 0 .9.5l9.3-5.8a.6.6 0 0 0 0-1L6.9 3.7a.6.6 0 0 0-.9.5z"/>'
    ),
    CardKind.LOGIC: (
        '<circle cx="5" cy="4.5" r="2"/>'
        '<circle cx="15" cy="4.5" r="2"/>'
        '<circle cx="10" cy="15.5" r="2"/>'
        '<path d="M5 6.5v1.2a2.3 2.3 0 0 0 2.3 2.3h5.4a2.3 2.3 0 0 0 2.3-2.3V6.5M10 10v3.5"/>'
    ),
    CardKind.DATA: (
        '<ellipse cx="10" cy="4.8" rx="6" ry="2.3"/>'
        '<path d="M4 4.8v10.4c0 1.3 2.7 2.3 6 2.3s6-1 6-2.3V4.8"/>'
        '<path d="M4 10c0 1.3 2.7 2.3 6 2.3s6-1 6-2.3"/>'
    ),
    CardKind.HUMAN: (
        '<circle cx="8" cy="6" r="3"/>'
        '<path d="M2.5 17v-1.2a5.5 5.5 0 0 1 8.6-4.5"/>'
        '<path d="M12 15.2l2 2 3.8-4.2"/>'
    ),
    CardKind.WAIT: ('<circle cx="10" cy="10" r="7.2"/><path d="M10 5.8V10l2.8 2"/>'),
    CardKind.LOOP: (
        '<path d="M3.5 9a5 5 0 0 1 5-4.5h6.3M12.3 2l2.7 2.5L12.3 7"/>'
        '<path d="M16.5 11a5 5 0 0 1-5 4.5H5.2M7.7 18 5 15.5 7.7 13"/>'
    ),
    CardKind.GUARD: (
        '<path d="M10 2.3 3.8 4.6v4.6c0 4 2.6 7 6.2 8.5 3.6-1.5 6.2-4.5 6.2-8.5V4.6z"/>'
        '<path d="M7.3 9.8l2 2 3.5-3.8"/>'
    ),
    CardKind.CALL: (
        '<path d="M8 4H4.5A1.5 1.5 0 0 0 3 5.5v10A1.5 1.5 0 0 0 4.5 17'
        'h10a1.5 1.5 0 0 0 1.5-1.5V12"/>'
        '<path d="M11.5 3H17v5.5M17 3l-7.5 7.5"/>'
    ),
    CardKind.END: (
        '<path d="M7 2.8h6L17.2 7v6L13 17.2H7L2.8 13V7z"/><path d="M7.7 7.7l4.6 4.6M12.3 7.7l-4.6 4.6"/>'
    ),
}
"""SVG elements without colour: the card's group strokes them."""

COLOURS: dict[CardKind, tuple[str, str]] = {
    CardKind.ACTION: ("#3556d4", "#8ea6ff"),
    CardKind.LOGIC: ("#7a35c4", "#c193ff"),
    CardKind.DATA: ("#0f6f74", "#54c7cc"),
    CardKind.HUMAN: ("#ad2550", "#ff86a5"),
    CardKind.WAIT: ("#8a5a00", "#f0b354"),
    CardKind.LOOP: ("#7a35c4", "#c193ff"),
    CardKind.GUARD: ("#7a35c4", "#c193ff"),
    CardKind.CALL: ("#1d7446", "#5fd08d"),
    CardKind.END: ("#b3261e", "#ff8a80"),
}
"""The colour of each kind, on light and on dark."""
