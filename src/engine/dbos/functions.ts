import { admissionSql } from './admission-sql.ts'
import { LOG_VERSION } from '../../client/entry.ts'
import { endTopic } from '../queue.ts'
import { APPLICATION_NAME, QUEUE_PREFIX, TENANT_PREFIX, WORKFLOW_NAME, type Schemas } from './names.ts'

/** What the functions below raise: the last two digits tell which. */
export const RAISED = {
  notFound: 'TR001',
  lost: 'TR002',
  duplicate: 'TR003',
  ended: 'TR004',
  busy: 'TR005',
  full: 'TR006',
  twin: 'TR007',
} as const

/** DBOS's application version: the format of the log, so that another build takes over what an older one began. */
export const APPLICATION_VERSION: string = `log-${LOG_VERSION}`

/**
 * The rules of the port as functions in the database: one append is one round trip and one transaction, with whatever it
 * does to the queue. Made anew at every opening, so that they always fit the code that calls them.
 *
 * A turn of a run is a DBOS workflow of the name `run:segment`; a segment number is used once, so a turn that is not
 * the item's own any more is recognised, and writes nothing.
 */
export function functionsSql(schemas: Schemas): string {
  return lockSql(schemas) + turnSql(schemas) + appendSql(schemas) + claimSql(schemas) + enqueueSql(schemas) + admissionSql(schemas)
}

function lockSql({ own: s, ownName }: Schemas): string {
  return `
  create or replace function ${s}.lock_key(p_name text) returns bigint immutable language sql as $$
    select ('x' || substr(md5('${ownName}:' || p_name), 1, 16))::bit(64)::bigint
  $$;
  create or replace function ${s}.is_held(p_name text) returns boolean language sql as $$
    select exists (
      select 1 from pg_locks
      where locktype = 'advisory' and objsubid = 1 and granted
        and database = (select oid from pg_database where datname = current_database())
        and ((classid::bigint << 32) | objid::bigint) = ${s}.lock_key(p_name))
  $$;`
}

function turnSql({ own: s, dbos: d }: Schemas): string {
  return `
  create or replace function ${s}.begin_turn(p_run text, p_segment bigint) returns void language plpgsql as $$
  declare item ${s}.queue;
  begin
    select * into item from ${s}.queue where run = p_run and segment = p_segment;
    if not found then return; end if;
    perform ${d}.enqueue_workflow(
      workflow_name => '${WORKFLOW_NAME}', queue_name => '${QUEUE_PREFIX}' || item.agent,
      positional_args => array[to_json(p_run), to_json(p_segment::text)],
      workflow_id => p_run || ':' || p_segment, app_version => '${APPLICATION_VERSION}', priority => item.priority,
      queue_partition_key => '${TENANT_PREFIX}' || item.tenant,
      delay_until_epoch_ms => item.not_before, application_name => '${APPLICATION_NAME}');
  end $$;

  create or replace function ${s}.end_turn(p_run text, p_segment bigint) returns void language sql as $$
    update ${d}.workflow_status set status = 'CANCELLED', completed_at = (extract(epoch from now()) * 1000)::bigint
    where workflow_uuid = p_run || ':' || p_segment and status in ('ENQUEUED', 'DELAYED')
  $$;

  create or replace function ${s}.wake(p_run text, p_too_dead boolean) returns boolean language plpgsql as $$
  declare old bigint; young bigint;
  begin
    select segment into old from ${s}.queue
      where run = p_run and (status = 'parked' or (p_too_dead and status = 'dead')) for update;
    if not found then return false; end if;
    perform ${s}.end_turn(p_run, old);
    young := nextval('${s}.segments');
    update ${s}.queue set status = 'queued', not_before = null, attempts = 0, last_error = null, segment = young,
      changed_at = clock_timestamp() where run = p_run;
    perform ${s}.begin_turn(p_run, young);
    return true;
  end $$;

  create or replace function ${s}.wake_line(p_run text) returns void language plpgsql as $$
  declare at text := p_run;
  begin
    loop
      perform ${s}.wake(at, false);
      exit when position('-' in at) = 0;
      at := regexp_replace(at, '-[^-]*$', '');
    end loop;
  end $$;

  create or replace function ${s}.leave(p_run text, p_at text) returns void language plpgsql as $$
  declare item ${s}.queue; parent text; above ${s}.runs;
  begin
    delete from ${s}.queue where run = p_run returning * into item;
    if not found then return; end if;
    perform ${s}.end_turn(p_run, item.segment);
    parent := regexp_replace(p_run, '-[^-]*$', '');
    if not item.is_child or parent = p_run then return; end if;
    select * into above from ${s}.runs where run = parent for update;
    if not found or above.is_ended then return; end if;
    insert into ${s}.entries (run, seq, key, epoch, at, type, body, version)
      values (parent, above.last_seq + 1, null, 0, p_at, 'signal',
        '{"topic":' || to_json('${endTopic('')}' || p_run)::text || ',"value":null}', ${LOG_VERSION});
    update ${s}.runs set last_seq = above.last_seq + 1 where run = parent;
    perform ${s}.wake_line(parent);
  end $$;`
}

function appendSql({ own: s, dbos: d }: Schemas): string {
  return `
  create or replace function ${s}.check_ticket(p_workflow text, p_executor text, p_token text) returns void language plpgsql as $$
  begin
    perform 1 from ${d}.workflow_status
      where workflow_uuid = p_workflow and executor_id = p_executor and owner_xid = p_token and status = 'PENDING' for share;
    if not found then raise exception 'its turn % is not this worker''s any more', p_workflow using errcode = '${RAISED.lost}'; end if;
  end $$;

  create or replace function ${s}.check_owner(p_run text, p_epoch integer) returns void language plpgsql as $$
  declare known integer;
  begin
    if p_run is null then return; end if;
    select epoch into known from ${s}.runs where run = p_run for share;
    if known is distinct from p_epoch then
      raise exception 'run % was taken over: epoch % is stale, % owns it', p_run, p_epoch, known using errcode = '${RAISED.lost}';
    end if;
  end $$;

  create or replace function ${s}.append(
    p_id text, p_run text, p_epoch integer, p_workflow text, p_executor text, p_token text,
    p_keys text[], p_ats text[], p_types text[], p_bodies text[]
  ) returns integer language plpgsql as $$
  declare
    head ${s}.runs; count integer := cardinality(p_types); i integer;
  begin
    select * into head from ${s}.runs where run = p_run for update;
    if not found then raise exception 'no run % in this store', p_run using errcode = '${RAISED.notFound}'; end if;
    if head.last_append = p_id then return head.last_seq - count + 1; end if;
    if p_epoch is not null and head.epoch <> p_epoch then
      raise exception 'run % was taken over: epoch % is stale, % owns it', p_run, p_epoch, head.epoch using errcode = '${RAISED.lost}';
    end if;
    if p_workflow is not null then perform ${s}.check_ticket(p_workflow, p_executor, p_token); end if;
    if head.is_ended then raise exception 'run % has ended: nothing can be added to it', p_run using errcode = '${RAISED.ended}'; end if;
    begin
      insert into ${s}.entries (run, seq, key, epoch, at, type, body, version)
        select p_run, head.last_seq + n, k, coalesce(p_epoch, 0), a, t, b, ${LOG_VERSION}
        from unnest(p_keys, p_ats, p_types, p_bodies) with ordinality as rows (k, a, t, b, n) order by n;
    exception when unique_violation then
      for i in 1..count loop
        if exists (select 1 from ${s}.entries where run = p_run and type = p_types[i] and md5(key) = md5(p_keys[i]))
          or p_keys[i] is not null and exists (select 1 from generate_series(1, i - 1) j where p_keys[j] = p_keys[i] and p_types[j] = p_types[i]) then
          raise exception 'run % has ''% %'' already', p_run, p_types[i], p_keys[i] using errcode = '${RAISED.duplicate}', detail = p_keys[i];
        end if;
      end loop;
      raise;
    end;
    update ${s}.runs set last_seq = head.last_seq + count, last_append = p_id, is_ended = ('run-end' = any (p_types)) where run = p_run;
    for i in 1..count loop
      if p_epoch is null and p_types[i] in ('signal', 'approval-given') then perform ${s}.wake_line(p_run); end if;
      if p_types[i] = 'run-end' then perform ${s}.leave(p_run, p_ats[i]); end if;
    end loop;
    return head.last_seq + 1;
  end $$;

  create or replace function ${s}.write_all(
    p_ids text[], p_runs text[], p_epochs integer[], p_workflows text[], p_executors text[], p_tokens text[], p_counts integer[],
    p_keys text[], p_ats text[], p_types text[], p_bodies text[],
    p_begins boolean[], p_sessions text[], p_unders text[], p_under_epochs integer[]
  ) returns table (seq integer, code text, message text, key text) language plpgsql as $$
  declare i integer; a integer := 1; z integer;
  begin
    for i in 1..cardinality(p_runs) loop
      z := a + p_counts[i] - 1;
      code := null; message := null; seq := null; key := null;
      begin
        if p_begins[i] then
          perform ${s}.create_run(p_runs[i], p_sessions[i], p_keys[a:z], p_ats[a:z], p_types[a:z], p_bodies[a:z],
            p_unders[i], p_under_epochs[i], p_workflows[i], p_executors[i], p_tokens[i]);
          seq := 1;
        else
          seq := ${s}.append(p_ids[i], p_runs[i], p_epochs[i], p_workflows[i], p_executors[i], p_tokens[i],
            p_keys[a:z], p_ats[a:z], p_types[a:z], p_bodies[a:z]);
        end if;
      exception when others then
        if sqlstate not like 'TR0%' then raise; end if;
        get stacked diagnostics code = returned_sqlstate, message = message_text, key = pg_exception_detail;
      end;
      a := z + 1;
      return next;
    end loop;
  end $$;`
}

function claimSql({ own: s }: Schemas): string {
  return `
  create or replace function ${s}.create_run(
    p_run text, p_session text, p_keys text[], p_ats text[], p_types text[], p_bodies text[], p_under text, p_under_epoch integer,
    p_workflow text, p_executor text, p_token text
  ) returns void language plpgsql as $$
  begin
    perform ${s}.check_owner(p_under, p_under_epoch);
    if p_workflow is not null then perform ${s}.check_ticket(p_workflow, p_executor, p_token); end if;
    insert into ${s}.runs (run, last_seq, is_root, session) values (p_run, 0, position('-' in p_run) = 0, p_session)
      on conflict do nothing;
    if not found then raise exception 'run % exists already', p_run using errcode = '${RAISED.duplicate}'; end if;
    perform ${s}.append(null, p_run, null, null, null, null, p_keys, p_ats, p_types, p_bodies);
  end $$;

  create or replace function ${s}.claim(
    p_run text, p_owner text, p_take_over boolean, p_under text, p_under_epoch integer, p_workflow text, p_executor text, p_token text
  ) returns integer language plpgsql as $$
  declare head ${s}.runs;
  begin
    perform ${s}.check_owner(p_under, p_under_epoch);
    select * into head from ${s}.runs where run = p_run for update;
    if not found then raise exception 'no run % in this store', p_run using errcode = '${RAISED.notFound}'; end if;
    if p_workflow is not null then perform ${s}.check_ticket(p_workflow, p_executor, p_token); end if;
    if not p_take_over and head.owner is not null and head.owner <> p_owner
      and not pg_try_advisory_xact_lock(${s}.lock_key(head.owner)) then
      raise exception 'run % is being driven by another process: wait for its end, or stop that process first', p_run
        using errcode = '${RAISED.busy}';
    end if;
    update ${s}.runs set epoch = head.epoch + 1, owner = p_owner where run = p_run;
    return head.epoch + 1;
  end $$;`
}

function enqueueSql({ own: s }: Schemas): string {
  return `
  create or replace function ${s}.enqueue(
    p_run text, p_session text, p_at text, p_body text, p_agent text, p_tenant text, p_model text, p_priority integer,
    p_not_before bigint, p_expires_at bigint, p_dedup_key text, p_max_attempts integer, p_is_child boolean,
    p_max_depth integer, p_max_depth_per_tenant integer
  ) returns void language plpgsql as $$
  declare twin text; depth integer; young bigint := nextval('${s}.segments');
  begin
    if p_dedup_key is not null then
      insert into ${s}.queue_keys (tenant, key, run) values (p_tenant, p_dedup_key, p_run) on conflict do nothing;
      if not found then
        select run into twin from ${s}.queue_keys where md5(tenant) = md5(p_tenant) and md5(key) = md5(p_dedup_key);
        raise exception '%', twin using errcode = '${RAISED.twin}';
      end if;
    end if;
    if not p_is_child and p_max_depth is not null then
      select count(*) into depth from (select 1 from ${s}.queue where status = 'queued' limit p_max_depth) as queued;
      if depth >= p_max_depth then raise exception '% runs are queued', depth using errcode = '${RAISED.full}'; end if;
    end if;
    if not p_is_child and p_max_depth_per_tenant is not null then
      select count(*) into depth from
        (select 1 from ${s}.queue where status = 'queued' and tenant = p_tenant limit p_max_depth_per_tenant) as queued;
      if depth >= p_max_depth_per_tenant then
        raise exception '% runs of tenant ''%'' are queued', depth, p_tenant using errcode = '${RAISED.full}';
      end if;
    end if;
    perform ${s}.create_run(p_run, p_session, array['start'], array[p_at], array['run-start'], array[p_body], null, null, null, null, null);
    insert into ${s}.queue (run, agent, tenant, model, priority, status, not_before, expires_at, dedup_key, max_attempts, is_child, segment)
      values (p_run, p_agent, p_tenant, p_model, p_priority, 'queued', p_not_before, p_expires_at, p_dedup_key, p_max_attempts,
        p_is_child, young);
    perform ${s}.begin_turn(p_run, young);
  end $$;

  create or replace function ${s}.settle(
    p_run text, p_segment bigint, p_status text, p_not_before bigint, p_attempts integer, p_last_error text
  ) returns boolean language plpgsql as $$
  declare young bigint := nextval('${s}.segments');
  begin
    update ${s}.queue set status = p_status, not_before = p_not_before, attempts = coalesce(p_attempts, attempts),
      last_error = p_last_error, segment = young, changed_at = clock_timestamp() where run = p_run and segment = p_segment;
    if not found then return false; end if;
    if p_status = 'queued' or p_not_before is not null then perform ${s}.begin_turn(p_run, young); end if;
    return true;
  end $$;

  create or replace function ${s}.drop_tree(p_run text) returns void language plpgsql as $$
  begin
    perform ${s}.end_turn(run, segment) from ${s}.queue where run = p_run or (run >= p_run || '-' and run < p_run || '.');
    delete from ${s}.queue where run = p_run or (run >= p_run || '-' and run < p_run || '.');
    delete from ${s}.queue_keys where run = p_run or (run >= p_run || '-' and run < p_run || '.');
    delete from ${s}.entries where run = p_run or (run >= p_run || '-' and run < p_run || '.');
    delete from ${s}.runs where run = p_run or (run >= p_run || '-' and run < p_run || '.');
  end $$;`
}
