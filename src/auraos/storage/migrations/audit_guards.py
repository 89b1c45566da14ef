"""What holds the tables of the audit trail to being added to only, in the words of each database.

An entry stays as it is; only a part that can be erased may give its place to its digest. Entries go from the beginning and up
to a checkpoint that the row of the head names first. Whoever administers the database can take these guards away; what they
do then, the chain tells.
"""

_FACTS = ("seq", "at", "workspace", "actor", "action", "object", "outcome", "facts", "hash")
_ERASABLE = (("told", "told_salt"), ("origin", "origin_salt"))
_SAME = " and ".join(f"new.{column} = old.{column}" for column in _FACTS)
_KEPT_OR_ERASED = " and ".join(
    f"((new.{text} = old.{text} and new.{salt} = old.{salt}) or (new.{text} like 'erased:%' and new.{salt} = ''))"
    for text, salt in _ERASABLE
)
_BACK = "new.seq < old.seq or new.floor < old.floor"
_NO_CHECKPOINT = (
    "(new.floor > old.floor and not exists (select 1 from audit_checkpoints where seq = new.floor))"
)
_FLOOR = "(select floor from audit_head where one = 1)"
_GUARDS = (
    ("audit", "update", f"not ({_SAME} and {_KEPT_OR_ERASED})"),
    ("audit", "delete", f"old.seq > {_FLOOR}"),
    ("audit_head", "update", f"{_BACK} or {_NO_CHECKPOINT}"),
    ("audit_head", "delete", "old.seq > 0"),
    ("audit_checkpoints", "update", "1 = 1"),
    ("audit_checkpoints", "delete", "1 = 1"),
)
_WORDS = "the audit trail is only added to"

SQLITE = tuple(
    f"create trigger {table}_on_{event} before {event} on {table} when {refused}"
    f" begin select raise(abort, '{_WORDS}'); end"
    for table, event, refused in _GUARDS
)


_REFUSE = f"raise exception '{_WORDS}' using errcode = 'integrity_constraint_violation';"


def _on_postgres(table: str, event: str, refused: str) -> tuple[str, str]:
    kept = "old" if event == "delete" else "new"
    body = f"begin if {refused} then {_REFUSE} end if; return {kept}; end"
    return (
        f"create function {table}_on_{event}() returns trigger language plpgsql as $$ {body} $$",
        f"create trigger {table}_on_{event} before {event} on {table} for each row execute function {table}_on_{event}()",
    )


def _on_truncate(table: str) -> str:
    return (
        f"create trigger {table}_on_truncate before truncate on {table} for each statement"
        " execute function audit_on_truncate()"
    )


POSTGRES = (
    *(statement for guard in _GUARDS for statement in _on_postgres(*guard)),
    f"create function audit_on_truncate() returns trigger language plpgsql as $$ begin {_REFUSE} end $$",
    *(_on_truncate(table) for table in ("audit", "audit_head", "audit_checkpoints")),
)
