import { describe } from "vitest";

import { hasRedis, redisBackend } from "../contract/queue-backends.ts";
import { queueContract } from "../contract/queue.ts";

const there = hasRedis();
if (!there)
  process.stderr.write(
    "skipped: the queue on Redis, because there is no redis-server here (apt install redis-server)\n",
  );

describe.skipIf(!there)("the queue on Redis", () => queueContract(redisBackend));
