import { randomUUID } from "node:crypto";

import type { Pool } from "pg";

import { heldLease } from "./held-lease.ts";
import type { Leases } from "./queue.ts";

/** Leases as rows; time is the database's own, so that clocks of machines do not matter. */
export function postgresLeases(pool: Pool): Leases {
  return {
    async acquire(name, { ttlMs, holder }) {
      const token = randomUUID();
      const ttl = `${ttlMs} milliseconds`;
      const askedAt = performance.now();
      const { rows } = await pool.query<{ fence: string | null }>("select sluice.acquire($1, $2, $3, $4) as fence", [
        name,
        holder,
        token,
        ttl,
      ]);
      const fence = rows[0]?.fence;
      if (fence === undefined || fence === null) return undefined;
      return heldLease({
        fence: Number(fence),
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
        async release() {
          await pool.query("delete from sluice.lease where name = $1 and token = $2", [name, token]);
        },
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
