import { describe } from "vitest";

import { embeddedBackend, hasRedis, redisBackend } from "../contract/queue-backends.ts";
import { queueDispatcherContract } from "../contract/queue-dispatcher.ts";

const there = hasRedis();
if (!there)
  process.stderr.write(
    "skipped: the dispatcher on Redis, because there is no redis-server here (apt install redis-server)\n",
  );

describe("over an embedded PostgreSQL", () => queueDispatcherContract(embeddedBackend));
describe.skipIf(!there)("over Redis", () => queueDispatcherContract(redisBackend));
