import { randomUUID } from "node:crypto";

import type { Redis } from "ioredis";

import { heldLease } from "./held-lease.ts";
import type { Leases } from "./queue.ts";

/** The fence is never smaller than the microsecond it was drawn in: it still rises after Redis was wiped. */
const ACQUIRE = `if redis.call("EXISTS", KEYS[1]) == 1 then return false end
local time = redis.call("TIME")
local now = time[1] .. string.format("%06d", time[2])
local fence = tonumber(redis.call("GET", KEYS[2]) or "0") + 1
if fence < tonumber(now) then fence = tonumber(now) end
local text = string.format("%.0f", fence)
redis.call("SET", KEYS[2], text)
redis.call("HSET", KEYS[1], "token", ARGV[1], "holder", ARGV[2], "fence", text)
redis.call("PEXPIRE", KEYS[1], ARGV[3])
return text`;

const RENEW = `if redis.call("HGET", KEYS[1], "token") ~= ARGV[1] then return 0 end
return redis.call("PEXPIRE", KEYS[1], ARGV[2])`;

const RELEASE = `if redis.call("HGET", KEYS[1], "token") ~= ARGV[1] then return 0 end
return redis.call("DEL", KEYS[1])`;

/** Leases as keys that expire by the clock of Redis. */
export function redisLeases(redis: Redis): Leases {
  const key = (name: string): string => `sluice:lease:${name}`;
  return {
    async acquire(name, { ttlMs, holder }) {
      const token = randomUUID();
      const askedAt = performance.now();
      const fence = await redis.eval(ACQUIRE, 2, key(name), "sluice:fence", token, holder, ttlMs);
      if (fence === null) return undefined;
      return heldLease({
        fence: Number(fence),
        ttlMs,
        askedAt,
        renew: async () => (await redis.eval(RENEW, 1, key(name), token, ttlMs)) === 1,
        async release() {
          await redis.eval(RELEASE, 1, key(name), token);
        },
      });
    },
    async holder(name) {
      const [holder, fence] = await redis.hmget(key(name), "holder", "fence");
      return typeof holder === "string" && typeof fence === "string" ? { holder, fence: Number(fence) } : undefined;
    },
  };
}
