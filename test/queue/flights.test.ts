import { describe } from "vitest";

import { embeddedBackend, hasRedis, redisBackend } from "../contract/queue-backends.ts";
import { flightsContract } from "../contract/flights.ts";

const there = hasRedis();
if (!there)
  process.stderr.write("skipped: flights on Redis, because there is no redis-server here (apt install redis-server)\n");

describe("over an embedded PostgreSQL", () => flightsContract(embeddedBackend));
describe.skipIf(!there)("over Redis", () => flightsContract(redisBackend));
