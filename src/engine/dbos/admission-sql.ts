import type { Schemas } from './names.ts'

/**
 * Begins a turn: marks its run as running, one attempt more, and proves that DBOS has given the turn to this worker.
 * DBOS knows caps of one agent's queue and of a tenant within it; what holds for a tenant across agents, for one tenant
 * other than for the rest, for a model, and for the whole store is looked at here, by one worker at a time, so that it
 * is kept exactly however many there are.
 */
export function admissionSql({ own: s, dbos: d }: Schemas): string {
  return `
  create or replace function ${s}.has_room(p_item ${s}.queue, p_limits json) returns boolean language plpgsql as $$
  declare
    of_tenant json := coalesce(p_limits #> array['tenants', p_item.tenant], p_limits -> 'tenant');
    of_agent json := p_limits #> array['agents', p_item.agent];
    rates json[] := array[of_tenant -> 'rate', of_agent -> 'rate', p_limits #> array['models', p_item.model, 'rate']];
    names text[] := array['tenant ' || p_item.tenant, 'agent ' || p_item.agent, 'model ' || p_item.model];
    everywhere bigint; here bigint; alike bigint; started bigint; i integer;
  begin
    select count(*), count(*) filter (where tenant = p_item.tenant), count(*) filter (where agent = p_item.agent)
      into everywhere, here, alike from ${s}.queue where status = 'running' and run <> p_item.run;
    if everywhere >= (p_limits ->> 'concurrency')::bigint or here >= (of_tenant ->> 'concurrency')::bigint
      or alike >= (of_agent ->> 'concurrency')::bigint then
      return false;
    end if;
    for i in 1..3 loop
      continue when rates[i] is null;
      select count(*) into started from ${s}.starts
        where rate = names[i] and at > clock_timestamp() - make_interval(secs => (rates[i] ->> 'periodMs')::float8 / 1000);
      if started >= (rates[i] ->> 'limit')::bigint then return false; end if;
    end loop;
    insert into ${s}.starts (rate) select names[n] from generate_series(1, 3) as n where rates[n] is not null;
    return true;
  end $$;

  create or replace function ${s}.admit(p_run text, p_segment bigint, p_worker text, p_limits json)
  returns table (outcome text, attempts integer, max_attempts integer, last_error text, token text) language plpgsql as $$
  declare item ${s}.queue;
  begin
    if p_limits is not null then perform pg_advisory_xact_lock(${s}.lock_key('admission')); end if;
    select * into item from ${s}.queue q where q.run = p_run and q.segment = p_segment for update;
    select owner_xid into token from ${d}.workflow_status
      where workflow_uuid = p_run || ':' || p_segment and executor_id = p_worker and status = 'PENDING';
    attempts := item.attempts; max_attempts := item.max_attempts; last_error := item.last_error;
    perform 1 from ${s}.workers where id = p_worker for share;
    if not found then outcome := 'fenced';
    elsif item.run is null or token is null then outcome := 'gone';
    elsif item.attempts = 0 and item.expires_at <= extract(epoch from clock_timestamp()) * 1000 then outcome := 'expired';
    elsif item.attempts >= item.max_attempts then outcome := 'exhausted';
    elsif p_limits is not null and not ${s}.has_room(item, p_limits) then outcome := 'held';
    else
      outcome := 'go';
      insert into ${s}.turns values (item.tenant, nextval('${s}.places')) on conflict (tenant) do update set last_turn = excluded.last_turn;
      update ${s}.queue q set status = 'running', not_before = null, attempts = q.attempts + 1, changed_at = clock_timestamp()
        where q.run = p_run;
    end if;
    return next;
  end $$;`
}
