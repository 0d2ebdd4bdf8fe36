import { describe } from "vitest";

import { inProcessDispatcher } from "../../src/queue/in-process-dispatcher.ts";
import { dispatcherContract } from "../contract/dispatcher.ts";

describe("in this process", () =>
  dispatcherContract((slots, perform) => Promise.resolve(inProcessDispatcher(slots, perform))));
