"""The first tables.

Facts are kept as they were committed: one row per commit of a run, one encoded fact a line. They lie in the order in
which they came, so that a commit of many runs touches few pages; only the index on (run, seq) is ordered by run. Other
high-rate tables are clustered by run on SQLite, and run ids are ordered by time, so new rows land close together.
Payloads are bytes in both. On PostgreSQL texts compare by their bytes, as they do in SQLite, and the high-rate tables are
divided by the weeks in which runs were born; `postgres/weeks.py` makes the weeks, and gives their room back.
"""

from auraos.storage.migrations import kept_tables
from auraos.storage.migrations.migration import Migration


def _foreign(*tables: str) -> tuple[str, ...]:
    """Return the statements that make the parts of these tables for runs whose ids are not made of the time, and for those
    of a week that has no part of its own. Every id made of the time begins with `01` or `02` until 2074.
    """
    parts = {
        "low": "for values from (minvalue) to ('01')",
        "high": "for values from ('03') to (maxvalue)",
        "other": "default",
    }
    return tuple(
        f"create table {table}_{name} partition of {table} {ids} with (autovacuum_vacuum_scale_factor = 0.05)"
        for table in tables
        for name, ids in parts.items()
    )


_SQLITE = (
    "create table meta(name text primary key, value text not null) without rowid",
    """create table runs(
        id text primary key, workspace text not null, number integer not null,
        workflow text not null, version text not null, state text not null,
        started_at integer not null, changed_at integer not null, finished_at integer,
        why text not null, started_by text not null, parent text not null, origin text not null,
        awaited integer not null, asleep integer not null, shard integer not null
    ) without rowid""",
    "create unique index runs_by_number on runs(workspace, number) where number > 0",
    "create index runs_by_state on runs(workspace, state, number) where state <> 'succeeded' and number > 0",
    "create index runs_by_parent on runs(parent) where parent <> ''",
    "create index runs_ended on runs(version, finished_at, id) where finished_at is not null",
    "create index runs_unfinished on runs(id) where finished_at is null",
    "create index runs_awake on runs(id) where finished_at is null and asleep = 0",
    """create table journal(
        run text not null, seq integer not null, count integer not null,
        workspace text not null, facts blob not null
    )""",
    "create unique index journal_by_run on journal(run, seq)",
    """create table results(
        run text not null, path text not null, generation integer not null, workspace text not null,
        primary key(run, path, generation)
    ) without rowid""",
    """create table timers(
        run text not null, path text not null, timer text not null, due integer not null, workspace text not null,
        shard integer not null, primary key(run, path, timer)
    ) without rowid""",
    "create index timers_by_due on timers(due)",
    """create table subscriptions(
        type text not null, run text not null, path text not null, workspace text not null,
        shard integer not null, primary key(type, run, path)
    ) without rowid""",
    "create index subscriptions_by_run on subscriptions(run)",
    """create table requests(
        id text primary key, run text not null, kind text not null, workspace text not null, body blob not null,
        shard integer not null, refusal blob
    ) without rowid""",
    "create index requests_by_run on requests(run)",
    """create table gates(
        gate text not null, run text not null, workspace text not null, setting text not null, key text not null,
        most integer not null, per integer not null, when_full text not null, born integer not null,
        priority integer not null, admitted_at integer not null, shard integer not null, primary key(gate, run)
    ) without rowid""",
    "create index gates_by_run on gates(run)",
    """create table cache(
        workspace text not null, key text not null, expires integer not null, value blob not null,
        primary key(workspace, key)
    )""",
    "create index cache_by_expiry on cache(expires)",
    """create table logs(
        run text not null, line integer not null, path text not null, attempt integer not null,
        at integer not null, level text not null, message text not null, fields blob not null,
        workspace text not null, primary key(run, line)
    ) without rowid""",
    """create table snapshots(
        run text primary key, seq integer not null, stamp text not null, state blob not null, workspace text not null
    )""",
    *kept_tables.SQLITE,
)

_POSTGRES = (
    'create table meta(name text collate "C" primary key, value text not null)',
    """create table runs(
        id text collate "C" primary key, workspace text collate "C" not null, number bigint not null,
        workflow text collate "C" not null, version text collate "C" not null, state text collate "C" not null,
        started_at bigint not null, changed_at bigint not null, finished_at bigint,
        why text not null, started_by text collate "C" not null, parent text collate "C" not null,
        origin text collate "C" not null, awaited boolean not null, asleep boolean not null, shard bigint not null
    ) with (fillfactor = 85)""",
    "create unique index runs_by_number on runs(workspace, number) where number > 0",
    "create index runs_by_state on runs(workspace, state, id) where state <> 'succeeded' and number > 0",
    "create index runs_by_parent on runs(parent) where parent <> ''",
    "create index runs_ended on runs(version, finished_at, id) where finished_at is not null",
    "create index runs_awake on runs(id, shard) where finished_at is null and not asleep",
    """create table journal(
        run text collate "C" not null, seq bigint not null, count bigint not null,
        workspace text collate "C" not null, facts bytea not null, primary key(run, seq)
    ) partition by range(run)""",
    """create table results(
        run text collate "C" not null, path text collate "C" not null, generation bigint not null,
        workspace text collate "C" not null, primary key(run, path, generation)
    ) partition by range(run)""",
    """create table timers(
        run text collate "C" not null, path text collate "C" not null, timer text collate "C" not null,
        due bigint not null, workspace text collate "C" not null, shard bigint not null,
        primary key(run, path, timer)
    )""",
    "create index timers_by_due on timers(shard, due)",
    """create table subscriptions(
        type text collate "C" not null, run text collate "C" not null, path text collate "C" not null,
        workspace text collate "C" not null, shard bigint not null, primary key(type, run, path)
    )""",
    "create index subscriptions_by_run on subscriptions(run)",
    """create table requests(
        id text collate "C" primary key, run text collate "C" not null, kind text collate "C" not null,
        workspace text collate "C" not null, body bytea not null, shard bigint not null, refusal bytea
    )""",
    "create index requests_waiting on requests(shard, id) where refusal is null",
    "create index requests_by_run on requests(run)",
    """create table gates(
        gate text collate "C" not null, run text collate "C" not null, workspace text collate "C" not null,
        setting text collate "C" not null, key text not null, most bigint not null, per bigint not null,
        when_full text collate "C" not null, born bigint not null, priority bigint not null,
        admitted_at bigint not null, shard bigint not null, primary key(gate, run)
    )""",
    "create index gates_by_run on gates(run)",
    """create table cache(
        workspace text collate "C" not null, key text collate "C" not null, expires bigint not null,
        value bytea not null, primary key(workspace, key)
    )""",
    "create index cache_by_expiry on cache(expires)",
    "create sequence logs_line",
    """create table logs(
        run text collate "C" not null, line bigint not null default nextval('logs_line'),
        path text collate "C" not null, attempt bigint not null, at bigint not null, level text not null,
        message text not null, fields bytea not null, workspace text collate "C" not null, primary key(run, line)
    ) partition by range(run)""",
    """create table snapshots(
        run text collate "C" primary key, seq bigint not null, stamp text collate "C" not null, state bytea not null,
        workspace text collate "C" not null
    ) partition by range(run)""",
    *_foreign("journal", "results", "logs", "snapshots"),
    *kept_tables.POSTGRES,
    """create table owners(
        token text collate "C" primary key, host text not null, process bigint not null, boot text not null,
        joined_at timestamptz not null default clock_timestamp()
    )""",
    """create table heartbeats(
        token text collate "C" primary key, beat_at timestamptz not null default clock_timestamp()
    ) with (fillfactor = 50)""",
    'create table shards(shard bigint primary key check (shard between 0 and 255), token text collate "C")',
    "insert into shards(shard) select generate_series(0, 255)",
    """create table pools(
        pool text collate "C" primary key, version bigint not null, shares bytea not null
    ) with (fillfactor = 50)""",
    'create table counters(workspace text collate "C" primary key, next bigint not null)',
    "insert into meta values('key', replace(gen_random_uuid()::text, '-', ''))",
)

FIRST = Migration(number=1, name="first tables", sqlite=_SQLITE, postgres=_POSTGRES)
