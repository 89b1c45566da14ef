"""`auraos profiles`: the servers that commands can ask, and which one they do."""

import os
from typing import Annotated

from cyclopts import Parameter

from auraos.app.remote.profiles import LOCAL, Profiles
from auraos.cli.exits import Exit
from auraos.cli.options import Json
from auraos.cli.screen import clean, pad, print_json, to_people
from auraos.cli.times import clock


def list_profiles(*, json: Json = False) -> int:
    """List the servers that this user is known to, and which of them is in use. No key is shown."""
    profiles = Profiles.of(os.environ)
    current, found = profiles.current, profiles.all()
    if json:
        listed = [
            {"profile": name, "url": one.url, "who": one.who, "workspace": one.workspace, "kind": one.kind}
            for name, one in found.items()
        ]
        print_json({"ok": True, "current": current, "profiles": listed})
        return Exit.DONE
    screen = to_people()
    wide = max(len(name) for name in (LOCAL, *found))
    rows = [(LOCAL, "the data folders of this machine")]
    for name, one in sorted(found.items()):
        ends = f", until {clock(one.ends_at)}" if one.kind == "session" else ""
        where = f" in {one.workspace}" if one.workspace else ""
        rows.append((name, f"{one.url} as {one.who}{where}{ends}"))
    for name, words in rows:
        mark = screen.tint("*", "green") if name == current else " "
        screen.line(f"{mark} {screen.tint(pad(clean(name), wide), 'bold')}  {clean(words)}")
    return Exit.DONE


def use(
    profile: Annotated[str, Parameter(help="Its name; `local` for the data folders of this machine.")],
    /,
    *,
    json: Json = False,
) -> int:
    """Let the commands that follow ask this server."""
    profiles = Profiles.of(os.environ)
    profiles.use(profile)
    if json:
        print_json({"ok": True, "current": profile})
    elif profile == LOCAL:
        to_people().line("Commands look at the data folders of this machine.")
    else:
        to_people().line(f"Commands that can ask a server ask {clean(profiles.find(profile).url)}.")
    return Exit.DONE
