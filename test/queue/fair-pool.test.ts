import { describe } from "vitest";

import { embeddedBackend, hasRedis, redisBackend } from "../contract/queue-backends.ts";
import { fairPoolContract } from "../contract/fair-pool.ts";

const there = hasRedis();
if (!there)
  process.stderr.write(
    "skipped: the dispatcher on Redis, because there is no redis-server here (apt install redis-server)\n",
  );

describe("over an embedded PostgreSQL", () => fairPoolContract(embeddedBackend));
describe.skipIf(!there)("over Redis", () => fairPoolContract(redisBackend));
