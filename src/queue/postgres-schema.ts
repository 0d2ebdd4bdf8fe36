import type { ClientBase } from "pg";

/** Our tables, step by step; a step that was published is never changed. */
const STEPS: readonly string[] = [
  `create table sluice.message (
     topic text collate "C" not null,
     id text collate "C" not null,
     body text not null,
     written xid8 not null default pg_current_xact_id(),
     place bigint generated always as identity,
     primary key (topic, id)
   );
   create index message_written on sluice.message (topic, written);
   create table sluice.entry (
     name text collate "C" not null,
     key text collate "C" not null,
     value text not null,
     primary key (name, key)
   );
   create table sluice.lease (
     name text collate "C" primary key,
     fence bigint not null,
     holder text not null,
     token text not null,
     expires timestamptz not null
   );
   create sequence sluice.fence;
   -- Numbers begin at the microsecond of creation: they still rise after everything here was wiped.
   select setval('sluice.fence', (extract(epoch from clock_timestamp()) * 1000000)::bigint);
   create function sluice.acquire(wanted text, by text, with_token text, ttl interval) returns bigint
   language plpgsql as $$
   declare granted bigint;
   begin
     -- The number is drawn behind the lock: a later holder never has a smaller one.
     perform pg_advisory_xact_lock(hashtextextended(wanted, 7));
     insert into sluice.lease as l (name, fence, holder, token, expires)
       values (wanted, nextval('sluice.fence'), by, with_token, clock_timestamp() + ttl)
       on conflict (name) do update
         set fence = excluded.fence, holder = excluded.holder, token = excluded.token, expires = excluded.expires
         where l.expires <= clock_timestamp()
       returning fence into granted;
     return granted;
   end $$;`,
];

/** Any number that nobody else takes: migrations of two processes come one after the other. */
const LOCK = 0x51_01_ce;

/** Creates schema `sluice` and brings it to this version; safe from many processes at once. */
export async function migrateSchema(client: ClientBase): Promise<void> {
  await client.query("begin");
  try {
    await client.query("select pg_advisory_xact_lock($1)", [LOCK]);
    await client.query("create schema if not exists sluice");
    await client.query("create table if not exists sluice.migration (version int primary key)");
    const { rows } = await client.query<{ version: number }>(
      "select coalesce(max(version), 0) as version from sluice.migration",
    );
    for (const [at, step] of STEPS.entries()) {
      if (at < (rows[0]?.version ?? 0)) continue;
      await client.query(step);
      await client.query("insert into sluice.migration values ($1)", [at + 1]);
    }
    // What dead holders left behind: a lease counts for seconds only.
    await client.query("delete from sluice.lease where expires < clock_timestamp() - interval '1 hour'");
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}
