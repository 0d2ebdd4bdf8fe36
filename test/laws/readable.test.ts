import fc from "fast-check";
import { expect, test } from "vitest";

import { digestOf, type Domain } from "../../src/identity/identity.ts";
import { mayRead, ownResult, readable } from "../../src/key/readable.ts";
import { resultOf } from "../builders/result.ts";

const domain = fc.oneof(
  fc.constantFrom<Domain>("main", "pr", "local"),
  fc.integer({ min: 1, max: 4 }).map((number): Domain => `fork/${number}`),
);
const made = fc.record({
  isolation: fc.constantFrom("workspace" as const, "sandbox" as const, "container" as const),
  network: fc.boolean(),
  secrets: fc.boolean(),
  domain,
});
const reading = fc.tuple(domain, domain, made).map(([reader, lies, how]) => {
  const { made: base, ...rest } = resultOf(digestOf("key"), []);
  const result = { ...rest, made: { ...base, ...how } };
  return { reader, lies, how, result, may: mayRead(reader, lies, result) };
});

test("main takes what was made elsewhere only from pull requests, walled in, without network and secrets", () => {
  fc.assert(
    fc.property(reading, ({ reader, lies, how, may }) => {
      fc.pre(reader === "main" && lies !== "main");
      expect(may).toBe(lies === "pr" && how.isolation !== "workspace" && !how.network && !how.secrets);
    }),
  );
});

test("nothing that a fork made is read by anybody but that fork", () => {
  fc.assert(
    fc.property(reading, ({ reader, lies, may }) => {
      fc.pre(lies.startsWith("fork/"));
      expect(may).toBe(reader === lies);
    }),
  );
});

test("a fork reads main and its own; a laptop's results are read by nobody else", () => {
  fc.assert(
    fc.property(reading, ({ reader, lies, may }) => {
      fc.pre(reader !== "main" && reader !== "local");
      expect(may).toBe(lies === "main" || lies === reader);
      expect(readable(reader).includes(lies)).toBe(may);
    }),
  );
});

test("the nearest comes first: its own, then what is trusted more", () => {
  expect((["main", "pr", "fork/3", "local"] as const).map(readable)).toEqual([
    ["main", "pr"],
    ["pr", "main"],
    ["fork/3", "main"],
    ["local", "main", "pr"],
  ]);
});

test("what lies in a domain itself is read there, however it was made; a laptop reads all that is not a fork's", () => {
  fc.assert(
    fc.property(reading, ({ reader, lies, may }) => {
      fc.pre(reader === lies || reader === "local");
      expect(may).toBe(reader === lies || !lies.startsWith("fork/"));
    }),
  );
});

test("nobody writes a result into another domain than its own", () => {
  fc.assert(
    fc.property(reading, ({ reader, how, result }) => {
      const writing = (): void => ownResult(reader, result);
      if (how.domain === reader) expect(writing).not.toThrow();
      else expect(writing).toThrow(`a result of ${how.domain} into ${reader}`);
    }),
  );
});
