import { describe } from "vitest";

import { embeddedBackend } from "../contract/queue-backends.ts";
import { queueContract } from "../contract/queue.ts";

describe("the queue on an embedded PostgreSQL", () => queueContract(embeddedBackend));
