"""The settings of this product, each with what it means and where it can be set."""

from typing import Final

from auraos.settings.keys import ChoiceKey, DurationKey, Keys, NumberKey

LOG_LEVEL: Final = ChoiceKey(
    "log.level",
    "info",
    "How much the log says; debug tells of every request too.",
    choices=("debug", "info", "warning", "error"),
)
STRANGERS: Final = NumberKey(
    "requests.strangers-per-second",
    20,
    "So many requests a second are taken from one address of those whom nobody knows.",
    least=1,
    most=10_000,
)
STRANGERS_AT_ONCE: Final = NumberKey(
    "requests.strangers-at-once",
    100,
    "So many requests of strangers from one address are taken at once after a rest.",
    least=1,
    most=100_000,
)
LARGEST_BODY: Final = NumberKey(
    "requests.largest-body",
    8 * 1024 * 1024,
    "So many bytes the body of a request may have.",
    least=1024,
    most=64 * 1024 * 1024,
    scopes=("installation", "workspace"),
    narrows=True,
)
LONGEST_BODY: Final = DurationKey(
    "requests.longest-body",
    "20s",
    "For so long the body of a request may be on its way.",
    least="1s",
    most="10m",
)
LONGEST_WAIT: Final = DurationKey(
    "runs.longest-wait",
    "60s",
    "For so long whoever starts a run may wait for its end.",
    least="1s",
    most="60s",
    scopes=("installation", "workspace"),
    narrows=True,
)
RETENTION: Final = DurationKey(
    "runs.retention",
    "30d",
    "For so long finished runs are kept whose workflow says nothing; 0s keeps them for ever.",
    least="0s",
    most="36500d",
    scopes=("installation", "workspace"),
)
LONGEST_SESSION: Final = DurationKey(
    "sessions.longest",
    "7d",
    "A session that begins from now on is over after so long, whatever is asked in it.",
    least="5m",
    most="90d",
)
IDLE_SESSION: Final = DurationKey(
    "sessions.idle",
    "12h",
    "A session in which nothing is asked for so long is over; people can have theirs end sooner.",
    least="1m",
    most="90d",
    scopes=("installation", "person"),
    narrows=True,
)
FRESH_PROOF: Final = DurationKey(
    "sessions.fresh",
    "10m",
    "For so long it is enough to have proved who one is, for what asks for a fresh proof.",
    least="30s",
    most="1h",
)
LONGEST_INVITATION: Final = DurationKey(
    "invitations.longest",
    "7d",
    "An invitation made from now on is good for so long.",
    least="10m",
    most="90d",
)

TRACED_SHARE: Final = NumberKey(
    "traces.share",
    100,
    "So many of a hundred traces are told that begin here; whoever asks within a trace decides for that one.",
    least=0,
    most=100,
)

KEYS: Final = Keys(
    (
        LOG_LEVEL,
        STRANGERS,
        STRANGERS_AT_ONCE,
        LARGEST_BODY,
        LONGEST_BODY,
        LONGEST_WAIT,
        RETENTION,
        LONGEST_SESSION,
        IDLE_SESSION,
        FRESH_PROOF,
        LONGEST_INVITATION,
        TRACED_SHARE,
    )
)
