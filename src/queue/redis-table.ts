import type { Redis } from "ioredis";

import { byUtf8, canonicalJson, type Json } from "../identity/canonical-json.ts";
import type { Table } from "./queue.ts";

const REMOVE = `if redis.call("HGET", KEYS[1], ARGV[1]) == ARGV[2] then return redis.call("HDEL", KEYS[1], ARGV[1]) end
return 0`;

/** Tables as hashes; values as canonical JSON text: equal values are equal bytes. */
export function redisTable(redis: Redis): Table {
  const hash = (table: string): string => `sluice:table:${table}`;
  return {
    async put(table, key, value) {
      await redis.hset(hash(table), key, canonicalJson(value));
    },
    async get(table, key) {
      const value = await redis.hget(hash(table), key);
      return value === null ? undefined : (JSON.parse(value) as Json);
    },
    async entries(table) {
      const all = Object.entries(await redis.hgetall(hash(table)));
      return all.sort(([a], [b]) => byUtf8(a, b)).map(([key, value]) => ({ key, value: JSON.parse(value) as Json }));
    },
    async remove(table, key, expected) {
      if (expected === undefined) return (await redis.hdel(hash(table), key)) === 1;
      return (await redis.eval(REMOVE, 1, hash(table), key, canonicalJson(expected))) === 1;
    },
  };
}
