"""The tables of the SQLite store, and the SQL that writes them.

Facts are kept as they were committed: one row per commit of a run, one encoded fact a line. They lie in the order in
which they came, so that a commit of many runs touches few pages; only the index on (run, seq) is ordered by run. Other
high-rate tables are clustered by run, and run ids are ordered by time, so new rows land close together.
"""

APPLICATION_ID = 0x41755261
"""Written into the file's header: this is a database of ours and of nobody else."""

SCHEMA_VERSION = 1

TABLES = """
create table meta(name text primary key, value text not null) without rowid;

create table runs(
    id text primary key, workspace text not null, number integer not null,
    workflow text not null, version text not null, state text not null,
    started_at integer not null, changed_at integer not null, finished_at integer,
    why text not null, started_by text not null, parent text not null, origin text not null,
    awaited integer not null, asleep integer not null, shard integer not null
) without rowid;
create unique index runs_by_number on runs(workspace, number) where number > 0;
create index runs_by_parent on runs(parent) where parent <> '';
create index runs_unfinished on runs(id) where finished_at is null;
create index runs_awake on runs(id) where finished_at is null and asleep = 0;

create table journal(
    run text not null, seq integer not null, count integer not null,
    workspace text not null, facts blob not null
);
create unique index journal_by_run on journal(run, seq);

create table results(
    run text not null, path text not null, generation integer not null, workspace text not null,
    primary key(run, path, generation)
) without rowid;

create table timers(
    run text not null, path text not null, timer text not null, due integer not null, workspace text not null,
    shard integer not null, primary key(run, path, timer)
) without rowid;
create index timers_by_due on timers(due);

create table subscriptions(
    type text not null, run text not null, path text not null, workspace text not null,
    shard integer not null, primary key(type, run, path)
) without rowid;
create index subscriptions_by_run on subscriptions(run);

create table requests(
    id text primary key, run text not null, kind text not null, workspace text not null, body blob not null,
    shard integer not null, refusal blob
) without rowid;

create table logs(
    run text not null, line integer not null, path text not null, attempt integer not null,
    at integer not null, level text not null, message text not null, fields blob not null,
    workspace text not null, primary key(run, line)
) without rowid;

create table definition_versions(
    hash text primary key, kind text not null, name text not null, text text not null,
    step_types text not null, workspace text not null
) without rowid;

create table definitions(
    workspace text not null, kind text not null, name text not null, version integer not null,
    hash text not null, published_at integer not null, primary key(workspace, kind, name, version)
) without rowid;
"""

INSERT_RUN = "insert into runs values(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
UPDATE_RUN = (
    "update runs set state=?, changed_at=?, finished_at=?, why=?, asleep=? where id=? and finished_at is null"
)
INSERT_FACTS = "insert into journal values(?,?,?,?,?)"
INSERT_RESULT = "insert into results values(?,?,?,?)"
PUT_TIMER = "insert or replace into timers values(?,?,?,?,?,?)"
DELETE_TIMER = "delete from timers where run=? and path=? and timer=?"
PUT_SUBSCRIPTION = "insert or ignore into subscriptions values(?,?,?,?,?)"
DELETE_SUBSCRIPTION = "delete from subscriptions where type=? and run=? and path=?"
INSERT_REQUEST = "insert or ignore into requests values(?,?,?,?,?,?,null)"
REFUSE_REQUEST = "update requests set refusal=? where id=?"
DELETE_REQUEST = "delete from requests where id=?"
INSERT_LOG = "insert into logs values(?,?,?,?,?,?,?,?,?)"
PUT_VERSION = "insert or ignore into definition_versions values(?,?,?,?,?,?)"
FORGET_TIMERS = "delete from timers where run=?"
FORGET_SUBSCRIPTIONS = "delete from subscriptions where run=?"
READ_OWNER = "select value from meta where name='owner'"
PROBE = "insert or replace into meta values('probed', ?)"
SET_OWNER = "insert or replace into meta values('owner', ?)"
