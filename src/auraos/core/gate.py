"""A gate: one setting that says how many runs go on, as it holds for one run."""

import msgspec

from auraos.core.workflow import FlowSetting, WhenFull


class Gate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One setting as it holds for one run. All runs whose gates have the same name share what it allows."""

    setting: FlowSetting
    name: str
    key: str = ""
    """The value of the key, as people see it; empty where the setting has none."""
    limit: int = 1
    per: int = 0
    """In microseconds."""
    when_full: WhenFull = "wait"
