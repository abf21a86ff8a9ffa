import type { Schemas } from './names.ts'

/** The format of the tables, kept in `meta`. A store of a higher one is refused. */
export const FORMAT = 1

/**
 * What SQLite's tables say, on PostgreSQL. `runs` holds who may write to a log and where it ends, so that one row lock
 * orders the appends of a run; `entries.xid` is the transaction that wrote, so that a feed never has to look back.
 * Bodies are text, as they were written: `jsonb` knows neither `\u0000` nor the order of keys.
 */
export function tablesSql({ own: s }: Schemas): string {
  return `
  create sequence if not exists ${s}.places;
  create sequence if not exists ${s}.segments;
  create table ${s}.runs (
    run text collate "C" primary key,
    place bigint not null default nextval('${s}.places'),
    epoch integer not null default 0,
    owner text,
    last_seq integer not null,
    is_ended boolean not null default false,
    is_root boolean not null,
    session text,
    last_append text
  ) with (fillfactor = 80);
  create index runs_place on ${s}.runs (place);
  create index runs_session on ${s}.runs (md5(session), place) where session is not null;
  create table ${s}.entries (
    run text collate "C" not null,
    seq integer not null,
    place bigint not null default nextval('${s}.places'),
    xid xid8 not null default pg_current_xact_id(),
    key text,
    epoch integer not null,
    at text not null,
    type text not null,
    body text not null,
    version integer not null,
    primary key (run, seq)
  );
  create unique index entries_key on ${s}.entries (run, type, md5(key)) where key is not null;
  create index entries_feed on ${s}.entries (xid, place);
  create table ${s}.queue (
    run text collate "C" primary key,
    place bigint not null default nextval('${s}.places'),
    agent text not null,
    tenant text not null,
    model text not null,
    priority integer not null,
    status text not null,
    not_before bigint,
    expires_at bigint,
    dedup_key text,
    attempts integer not null default 0,
    max_attempts integer not null,
    is_child boolean not null,
    last_error text,
    segment bigint not null,
    changed_at timestamptz not null default clock_timestamp()
  ) with (fillfactor = 80);
  create index queue_status on ${s}.queue (status, tenant);
  create index queue_expiry on ${s}.queue (expires_at) where expires_at is not null;
  create table ${s}.queue_keys (tenant text not null, key text not null, run text collate "C" not null);
  create unique index queue_keys_key on ${s}.queue_keys (md5(tenant), md5(key));
  create index queue_keys_run on ${s}.queue_keys (run);
  create table ${s}.turns (tenant text primary key, last_turn bigint not null);
  create table ${s}.starts (rate text not null, at timestamptz not null default clock_timestamp());
  create index starts_rate on ${s}.starts (rate, at);
  create table ${s}.ledger (
    scope text primary key,
    tokens double precision not null default 0,
    cost_usd double precision not null default 0,
    tool_calls double precision not null default 0
  );
  create table ${s}.holds (
    id bigint not null,
    scope text not null,
    holder text collate "C" not null,
    tokens double precision not null,
    cost_usd double precision not null,
    tool_calls double precision not null,
    primary key (id, scope)
  );
  create index holds_scope on ${s}.holds (scope);
  create index holds_holder on ${s}.holds (holder);
  create sequence ${s}.hold_ids;
  create table ${s}.workers (
    id text primary key,
    label text not null,
    beat timestamptz not null default clock_timestamp()
  );
  `
}
