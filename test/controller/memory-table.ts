import { byUtf8, canonicalJson, type Json } from "../../src/identity/canonical-json.ts";
import type { Table } from "../../src/queue/queue.ts";

/** A table as the queue's are, of this process alone. */
export function memoryTable(): Table {
  const all = new Map<string, Map<string, Json>>();
  const of = (name: string): Map<string, Json> => all.get(name) ?? all.set(name, new Map()).get(name) ?? new Map();
  return {
    put: (table, key, value) => Promise.resolve(void of(table).set(key, value)),
    get: (table, key) => Promise.resolve(of(table).get(key)),
    entries: (table) =>
      Promise.resolve([...of(table)].sort(([a], [b]) => byUtf8(a, b)).map(([key, value]) => ({ key, value }))),
    remove(table, key, expected) {
      const there = of(table).get(key);
      const same = expected === undefined || (there !== undefined && canonicalJson(there) === canonicalJson(expected));
      return Promise.resolve(same && of(table).delete(key));
    },
  };
}
