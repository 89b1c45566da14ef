"""The SQL that writes to the SQLite store; its tables are made by `auraos.storage.migrations`."""

APPLICATION_ID = 0x41755261
"""Written into the file's header: this is a database of ours and of nobody else."""

PUT_TIMER = "insert or replace into timers values(?,?,?,?,?,?)"
DELETE_TIMER = "delete from timers where run=? and path=? and timer=?"
PUT_SUBSCRIPTION = "insert or ignore into subscriptions values(?,?,?,?,?)"
DELETE_SUBSCRIPTION = "delete from subscriptions where type=? and run=? and path=?"
INSERT_REQUEST = "insert or ignore into requests values(?,?,?,?,?,?,null)"
REFUSE_REQUEST = "update requests set refusal=? where id=?"
DELETE_REQUEST = "delete from requests where id=?"
PUT_GATE = "insert or replace into gates values(?,?,?,?,?,?,?,?,?,?,?,?)"
DELETE_GATE = "delete from gates where gate=? and run=?"
PUT_CACHED = "insert or replace into cache values(?,?,?,?)"
DELETE_EXPIRED = (
    "delete from cache where rowid in (select rowid from cache where expires <= ? order by expires limit 500)"
)
INSERT_LOG = "insert into logs values(?,?,?,?,?,?,?,?,?)"
PUT_VERSION = "insert or ignore into definition_versions(hash, kind, name, text, step_types, workspace) values(?,?,?,?,?,?)"
PUT_SNAPSHOT = "insert or replace into snapshots values(?,?,?,?,?)"
_OF_A_RUN = (
    "journal",
    "results",
    "logs",
    "snapshots",
    "timers",
    "subscriptions",
    "requests",
    "gates",
    "run_keys",
)
PRUNE = (
    *(
        f"delete from {table} where run=? and exists(select 1 from runs where id=? and finished_at is not null)"  # noqa: S608
        for table in _OF_A_RUN
    ),
    "delete from runs where id=? and id=? and finished_at is not null",
)
"""What takes away a run that is over; each statement is given its id twice."""
READ_OWNER = "select value from meta where name='owner'"
PROBE = "insert or replace into meta values('probed', ?)"
SET_OWNER = "insert or replace into meta values('owner', ?)"
