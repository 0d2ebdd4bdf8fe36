import type { Pool } from "pg";

import { canonicalJson, type Json } from "../identity/canonical-json.ts";
import type { Table } from "./queue.ts";

/** Values as canonical JSON text: equal values are equal bytes. */
export function postgresTable(pool: Pool): Table {
  return {
    async put(table, key, value) {
      await pool.query(
        `insert into sluice.entry (name, key, value) values ($1, $2, $3)
         on conflict (name, key) do update set value = excluded.value`,
        [table, key, canonicalJson(value)],
      );
    },
    async get(table, key) {
      const { rows } = await pool.query<{ value: string }>(
        "select value from sluice.entry where name = $1 and key = $2",
        [table, key],
      );
      const [row] = rows;
      return row === undefined ? undefined : (JSON.parse(row.value) as Json);
    },
    async entries(table) {
      const { rows } = await pool.query<{ key: string; value: string }>(
        "select key, value from sluice.entry where name = $1 order by key",
        [table],
      );
      return rows.map(({ key, value }) => ({ key, value: JSON.parse(value) as Json }));
    },
    async remove(table, key, expected) {
      const removed = await pool.query(
        "delete from sluice.entry where name = $1 and key = $2 and ($3::text is null or value = $3)",
        [table, key, expected === undefined ? null : canonicalJson(expected)],
      );
      return removed.rowCount === 1;
    },
  };
}
