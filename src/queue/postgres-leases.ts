import { randomUUID } from "node:crypto";

import type { Pool } from "pg";

import { heldLease } from "./held-lease.ts";
import type { Leases } from "./queue.ts";
import { turnAnswers, turnBatch } from "./turn-batch.ts";

interface Wanted {
  readonly name: string;
  readonly holder: string;
  readonly token: string;
  readonly ttl: string;
}

/**
 * Leases as rows; time is the database's own, so that clocks of machines do not matter. Those that are wanted or given
 * back at once go in one statement, which is one write to the disk instead of many.
 */
export function postgresLeases(pool: Pool): Leases {
  const acquire = turnAnswers<Wanted, number | undefined>((wanted) => acquireAll(pool, wanted));
  const release = turnBatch<Pick<Wanted, "name" | "token">>((held) => releaseAll(pool, held));
  return {
    async acquire(name, { ttlMs, holder }) {
      const token = randomUUID();
      const ttl = `${ttlMs} milliseconds`;
      const askedAt = performance.now();
      const [fence] = await acquire([{ name, holder, token, ttl }]);
      if (fence === undefined) return undefined;
      return heldLease({
        fence,
        ttlMs,
        askedAt,
        async renew() {
          const renewed = await pool.query(
            `update sluice.lease set expires = clock_timestamp() + $3::interval
             where name = $1 and token = $2 and expires > clock_timestamp()`,
            [name, token, ttl],
          );
          return renewed.rowCount === 1;
        },
        release: () => release([{ name, token }]),
      });
    },
    async holder(name) {
      const { rows } = await pool.query<{ holder: string; fence: string }>(
        "select holder, fence from sluice.lease where name = $1 and expires > clock_timestamp()",
        [name],
      );
      const [row] = rows;
      return row === undefined ? undefined : { holder: row.holder, fence: Number(row.fence) };
    },
  };
}

/** Fences in the order of what is wanted. By name, in one order everywhere: two batches never wait for each other in a circle. */
async function acquireAll(pool: Pool, wanted: readonly Wanted[]): Promise<readonly (number | undefined)[]> {
  const { rows } = await pool.query<{ at: number; fence: string | null }>(
    `select at::int, sluice.acquire(name, holder, token, ttl) as fence
     from (
       select * from unnest($1::text[], $2::text[], $3::text[], $4::interval[])
         with ordinality as w (name, holder, token, ttl, at)
       order by name collate "C", at offset 0
     ) as sorted`,
    [
      wanted.map(({ name }) => name),
      wanted.map(({ holder }) => holder),
      wanted.map(({ token }) => token),
      wanted.map(({ ttl }) => ttl),
    ],
  );
  const fences = new Map(rows.map(({ at, fence }) => [at, fence === null ? undefined : Number(fence)]));
  return wanted.map((_, at) => fences.get(at + 1));
}

async function releaseAll(pool: Pool, held: readonly Pick<Wanted, "name" | "token">[]): Promise<void> {
  await pool.query(
    `with given as (
       select l.name, l.token from sluice.lease l
       join unnest($1::text[], $2::text[]) as g (name, token) on l.name = g.name and l.token = g.token
       order by l.name for update of l
     )
     delete from sluice.lease l using given where l.name = given.name and l.token = given.token`,
    [held.map(({ name }) => name), held.map(({ token }) => token)],
  );
}
