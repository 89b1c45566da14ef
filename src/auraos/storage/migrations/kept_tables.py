"""The first tables of what people keep and change, in common words for both databases.

They see few writes and hold together by keys, so they are as plain as can be; only the search over definitions is made of
what each database brings for it.
"""

from auraos.storage.migrations import audit_guards
from auraos.storage.migrations.walls import tables_of_workspaces, walls_of

_TABLES = (
    """create table definitions(
        id {int} primary key, workspace {text} not null, kind {text} not null, name {text} not null,
        title text not null, labels text not null, owner {text} not null,
        revision {int} not null, text text not null, meaning {text} not null,
        changed_at {int} not null, changed_by {text} not null, created_at {int} not null,
        version {int} not null, hash {text} not null, published_at {int} not null, archived_at {int} not null,
        authors text not null
    )""",
    "create unique index definitions_by_name on definitions(workspace, kind, name)",
    "create index definitions_by_owner on definitions(workspace, owner, kind, name)",
    "create index definitions_drafts on definitions(workspace, kind, name) where archived_at = 0 and version = 0",
    (
        "create index definitions_changed on definitions(workspace, kind, name)"
        " where archived_at = 0 and version > 0 and meaning <> hash"
    ),
    "create index definitions_archived on definitions(workspace, kind, name) where archived_at > 0",
    """create table definition_labels(
        workspace {text} not null, label {text} not null, value {text} not null, id {int} not null,
        primary key(workspace, label, value, id)
    ){compact}""",
    "create index definition_labels_by_id on definition_labels(id)",
    """create table definition_revisions(
        id {int} not null, revision {int} not null, text text not null, at {int} not null, author {text} not null,
        workspace {text} not null, primary key(id, revision)
    )""",
    """create table definition_versions(
        hash {text} not null, workspace {text} not null, kind {text} not null, name {text} not null,
        text text not null, step_types text not null, primary key(hash, workspace)
    ){compact}""",
    """create table publications(
        workspace {text} not null, kind {text} not null, name {text} not null, version {int} not null,
        hash {text} not null, at {int} not null, author {text} not null, note text not null, text text,
        authors text not null, primary key(workspace, kind, name, version)
    ){compact}""",
    """create table reviews(
        workspace {text} not null, kind {text} not null, name {text} not null, revision {int} not null,
        digest {text} not null, needed {int} not null, state {text} not null, note text not null,
        asked_at {int} not null, asked_by {text} not null, approvals text not null, ended_at {int} not null,
        ended_by {text} not null, comment text not null, primary key(workspace, kind, name, revision)
    ){compact}""",
    "create index reviews_by_state on reviews(workspace, state, asked_at)",
    """create table uses(
        workspace {text} not null, kind {text} not null, name {text} not null, is_live {int} not null,
        used_kind {text} not null, used_name {text} not null, place {text} not null,
        primary key(workspace, kind, name, is_live, used_kind, used_name, place)
    ){compact}""",
    "create index uses_by_used on uses(workspace, used_kind, used_name)",
    """create table bindings(
        workspace {text} not null, kind {text} not null, name {text} not null, what {text} not null,
        given {text} not null, value text not null, at {int} not null, author {text} not null,
        primary key(workspace, kind, name, what, given)
    ){compact}""",
    """create table git_links(
        workspace {text} primary key, remote text not null, branch {text} not null, folder {text} not null,
        secret {text} not null, revision {int} not null, changed_at {int} not null, changed_by {text} not null,
        synced_at {int} not null, synced_by {text} not null, outcome text not null, open {int} not null,
        busy_until {int} not null
    ){compact}""",
    """create table git_agreed(
        workspace {text} not null, side {text} not null, kind {text} not null, name {text} not null,
        text text not null, primary key(workspace, side, kind, name)
    ){compact}""",
    """create table audit(
        seq {int} primary key, at {int} not null, workspace {text} not null, actor {text} not null,
        action {text} not null, object {text} not null, outcome {text} not null,
        facts text not null, told text not null, told_salt {text} not null, origin text not null,
        origin_salt {text} not null, hash {text} not null
    )""",
    "create index audit_by_workspace on audit(workspace, seq)",
    "create index audit_by_time on audit(at)",
    "create index audit_by_actor on audit(actor, seq)",
    "create index audit_by_object on audit(object, seq)",
    """create table audit_checkpoints(
        seq {int} primary key, hash {text} not null, at {int} not null, installation {text} not null,
        key_id {text} not null, signature {text} not null
    ){compact}""",
    """create table audit_pending(
        id {text} primary key, at {int} not null, workspace {text} not null, body text not null, known {int} not null
    ){compact}""",
    "create table audit_head(one {int} primary key, seq {int} not null, hash {text} not null, floor {int} not null)",
    "insert into audit_head values(1, 0, '" + "0" * 64 + "', 0)",
)

_PEOPLE = (
    """create table workspaces(
        name {text} primary key, title text not null, created_at {int} not null, wishes text not null
    ){compact}""",
    """create table chores(
        id {text} primary key, about {text} not null, kind {text} not null, state {text} not null, what text not null,
        done {int} not null, total {int} not null, cancels {int} not null, author {text} not null,
        created_at {int} not null, changed_at {int} not null, ended_at {int} not null
    ){compact}""",
    "create index chores_by_state on chores(state)",
    """create table run_days(
        workspace {text} not null, day {int} not null, taken {int} not null, primary key(workspace, day)
    ){compact}""",
    """create table workspace_sizes(
        workspace {text} primary key, bytes {int} not null, at {int} not null
    ){compact}""",
    """create table people(
        id {text} primary key, name {text} not null, title text not null, state {text} not null,
        password text not null, epoch {int} not null, totp {text} not null, totp_used {int} not null,
        recovery text not null, created_at {int} not null, changed_at {int} not null
    ){compact}""",
    "create unique index people_by_name on people(name)",
    """create table identities(
        issuer {text} not null, subject {text} not null, person {text} not null, at {int} not null,
        primary key(issuer, subject)
    ){compact}""",
    "create index identities_by_person on identities(person)",
    """create table providers(
        name {text} primary key, title text not null, issuer {text} not null, client_id text not null,
        client_secret text not null, scopes text not null, groups_claim text not null,
        creates_people {int} not null, state {text} not null, created_at {int} not null, changed_at {int} not null
    ){compact}""",
    """create table passkeys(
        id {text} primary key, person {text} not null, title text not null, public_key {bytes} not null,
        counter {int} not null, created_at {int} not null, used_at {int} not null
    ){compact}""",
    "create index passkeys_by_person on passkeys(person)",
    """create table sessions(
        digest {text} primary key, id {text} not null, person {text} not null, epoch {int} not null,
        created_at {int} not null, seen_at {int} not null, ends_at {int} not null, proved_at {int} not null,
        proved_by {text} not null, address text not null, agent text not null
    ){compact}""",
    "create unique index sessions_by_id on sessions(id)",
    "create index sessions_by_person on sessions(person)",
    "create index sessions_by_end on sessions(ends_at)",
    """create table services(
        id {text} primary key, workspace {text} not null, name {text} not null, title text not null,
        state {text} not null, created_at {int} not null, created_by {text} not null
    ){compact}""",
    "create unique index services_by_name on services(workspace, name)",
    """create table keys(
        id {text} primary key, digest {text} not null, owner_kind {text} not null, owner {text} not null,
        title text not null, workspace {text} not null, scopes text not null, created_at {int} not null,
        created_by {text} not null, ends_at {int} not null, used_at {int} not null, revoked_at {int} not null,
        per_second {int} not null, maker {text} not null
    ){compact}""",
    "create unique index keys_by_digest on keys(digest)",
    "create index keys_by_owner on keys(owner)",
    """create table key_uses(
        key {text} not null, day {int} not null, requests {int} not null, refused {int} not null, primary key(key, day)
    ){compact}""",
    "create index key_uses_by_day on key_uses(day)",
    """create table groups_of_people(
        id {text} primary key, name {text} not null, title text not null, outside {text} not null
    ){compact}""",
    "create unique index groups_by_name on groups_of_people(name)",
    """create table members(
        group_id {text} not null, person {text} not null, primary key(group_id, person)
    ){compact}""",
    "create index members_by_person on members(person)",
    """create table directories(
        id {text} primary key, title text not null, digest {text} not null, provider {text} not null,
        created_at {int} not null, created_by {text} not null, used_at {int} not null
    ){compact}""",
    "create unique index directories_by_digest on directories(digest)",
    """create table provisioned(
        person {text} primary key, directory {text} not null, external {text} not null, attributes text not null
    ){compact}""",
    "create unique index provisioned_by_external on provisioned(directory, external) where external <> ''",
    """create table grants(
        id {text} primary key, holder_kind {text} not null, holder {text} not null, role {text} not null,
        workspace {text} not null, kind {text} not null, labels text not null, name {text} not null,
        at {int} not null, author {text} not null
    ){compact}""",
    "create index grants_by_holder on grants(holder)",
    "create index grants_by_workspace on grants(workspace)",
    """create table roles(
        workspace {text} not null, name {text} not null, title text not null, actions text not null,
        primary key(workspace, name)
    ){compact}""",
    """create table invitations(
        digest {text} primary key, person {text} not null, created_at {int} not null, created_by {text} not null,
        ends_at {int} not null
    ){compact}""",
    "create index invitations_by_person on invitations(person)",
    "create table first_owner(one {int} primary key, digest {text} not null, owned_at {int} not null)",
    "insert into first_owner values(1, '', 0)",
    "insert into workspaces values('default', '', 0, '{{}}')",
    """create table failures_to_sign_in(
        who {text} primary key, count {int} not null, last_at {int} not null
    ){compact}""",
)

_SECRETS = (
    """create table data_keys(
        id {text} primary key, workspace {text} not null, version {int} not null, state {text} not null,
        master {text} not null, wrapped {bytes} not null, created_at {int} not null, retired_at {int} not null
    ){compact}""",
    "create unique index data_keys_by_version on data_keys(workspace, version)",
    """create table secrets(
        id {text} primary key, workspace {text} not null, name {text} not null, title text not null,
        kind {text} not null, hosts text not null, workflows text not null, labels text not null,
        source {text} not null, version {int} not null, latest {int} not null, revision {int} not null,
        ends_at {int} not null, warned {int} not null, created_at {int} not null, created_by {text} not null,
        changed_at {int} not null, changed_by {text} not null
    ){compact}""",
    "create unique index secrets_by_name on secrets(workspace, name)",
    "create index secrets_by_end on secrets(ends_at)",
    """create table secret_versions(
        secret {text} not null, version {int} not null, workspace {text} not null, state {text} not null,
        key_id {text} not null, sealed {bytes} not null, at {int} not null, author {text} not null,
        revoked_at {int} not null, token {bytes} not null, token_ends_at {int} not null,
        refreshing_until {int} not null, primary key(secret, version)
    ){compact}""",
    "create index secret_versions_by_key on secret_versions(key_id)",
    """create table consents(
        digest {text} primary key, workspace {text} not null, secret {text} not null, person {text} not null,
        session {text} not null, sealed {bytes} not null, ends_at {int} not null
    ){compact}""",
    "create index consents_by_end on consents(ends_at)",
    """create table secret_uses(
        secret {text} not null, workflow {text} not null, workspace {text} not null, version {text} not null,
        run {text} not null, at {int} not null, count {int} not null, primary key(secret, workflow)
    ){compact}""",
)

_BULKS = (
    """create table bulks(
        id {text} primary key, workspace {text} not null, deed text not null, actor text not null,
        state {text} not null, first {int} not null, total {int} not null,
        done {int} not null, refused {int} not null, unknown {int} not null, created_at {int} not null,
        over_at {int} not null, ends_at {int} not null, held_until {int} not null
    ){compact}""",
    "create index bulks_by_workspace on bulks(workspace, id)",
    "create index bulks_by_state on bulks(state, held_until)",
    "create index bulks_by_end on bulks(ends_at)",
    """create table bulk_runs(
        bulk {text} not null, position {int} not null, run {text} not null, number {int} not null,
        became {text} not null, code {text} not null, message text not null, made {text} not null,
        workspace {text} not null, primary key(bulk, position)
    ){compact}""",
)

_TRIALS = (
    """create table trials(
        id {text} primary key, workspace {text} not null, workflow {text} not null, text text not null,
        actor text not null, state {text} not null, wanted text not null, released text not null,
        breakpoints text not null, runs text not null, created_at {int} not null, ends_at {int} not null
    ){compact}""",
    "create index trials_by_end on trials(workspace, ends_at)",
)

_PRIVACY = (
    "create table subject_indexes(workspace {text} primary key, wrapped {bytes} not null){compact}",
    """create table subjects(
        workspace {text} not null, token {text} not null, wrapped {bytes} not null, created_at {int} not null,
        primary key(workspace, token)
    ){compact}""",
    """create table run_keys(
        run {text} not null, subject {text} not null, workspace {text} not null, family {text} not null,
        wrapped {bytes} not null, created_at {int} not null, erased_at {int} not null, primary key(run, subject)
    ){compact}""",
    "create index run_keys_by_subject on run_keys(workspace, subject, run)",
    "create index run_keys_by_family on run_keys(family)",
    """create table privacy_requests(
        id {text} primary key, workspace {text} not null, kind {text} not null, token {text} not null, at {int} not null,
        author {text} not null, reason text not null, runs text not null, accounts text not null
    ){compact}""",
    "create index privacy_requests_by_workspace on privacy_requests(workspace, id)",
    """create table legal_holds(
        id {text} primary key, workspace {text} not null, kind {text} not null, thing {text} not null,
        reason text not null, at {int} not null, author {text} not null
    ){compact}""",
    "create unique index legal_holds_by_thing on legal_holds(workspace, kind, thing)",
)

_SETTINGS = (
    """create table settings(
        name {text} not null, workspace {text} not null, person {text} not null, revision {int} not null,
        is_set {int} not null, value text not null, at {int} not null, author {text} not null,
        primary key(name, workspace, person)
    ){compact}""",
    """create table setting_changes(
        number {int} primary key, name {text} not null, workspace {text} not null, person {text} not null,
        revision {int} not null, before text not null, after text not null, at {int} not null, author {text} not null,
        why text not null
    )""",
    "create index setting_changes_by_name on setting_changes(name, workspace, person, number)",
    """create table flag_switches(
        workspace {text} not null, name {text} not null, is_off {int} not null, at {int} not null,
        author {text} not null, why text not null, primary key(workspace, name)
    ){compact}""",
    """create table flag_uses(
        workspace {text} not null, name {text} not null, variant {text} not null, count {int} not null,
        at {int} not null, primary key(workspace, name, variant)
    ){compact}""",
)

_ALL = (*_TABLES, *_PEOPLE, *_SECRETS, *_BULKS, *_TRIALS, *_PRIVACY, *_SETTINGS)
_SQLITE_WORDS = {"int": "integer", "text": "text", "bytes": "blob", "compact": " without rowid"}
_POSTGRES_WORDS = {"int": "bigint", "text": 'text collate "C"', "bytes": "bytea", "compact": ""}

SQLITE = (
    *(
        statement.format(**_SQLITE_WORDS)
        for statement in (*_TABLES, *_PEOPLE, *_SECRETS, *_BULKS, *_TRIALS, *_PRIVACY, *_SETTINGS)
    ),
    *audit_guards.SQLITE,
    "create virtual table definition_search using fts5(words, tokenize='unicode61 remove_diacritics 0')",
)
OF_WORKSPACES = tables_of_workspaces(_ALL)
"""The tables here whose rows belong to workspaces, or to the installation."""
_ON_POSTGRES = tuple(statement.format(**_POSTGRES_WORDS) for statement in _ALL)
POSTGRES = (
    *_ON_POSTGRES,
    *walls_of(_ON_POSTGRES),
    *audit_guards.POSTGRES,
    "create table definition_search(id bigint primary key, words tsvector not null)",
    "create index definition_search_by_words on definition_search using gin(words) with (fastupdate=off)",
)
