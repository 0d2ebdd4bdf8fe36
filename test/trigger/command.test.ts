import fc from "fast-check";
import { expect, test } from "vitest";

import { parseCommand, USAGE, type Command } from "../../src/trigger/command.ts";

test.each<[string, Command]>([
  ["/sluice", { kind: "help" }],
  ["/sluice  plan  ", { kind: "plan" }],
  ["/sluice run", { kind: "run", pipeline: null, commit: null }],
  ["/sluice run digits", { kind: "run", pipeline: "digits", commit: null }],
  ["/sluice run digits@a1b2c3d", { kind: "run", pipeline: "digits", commit: "a1b2c3d" }],
  ["/sluice run @a1b2c3d", { kind: "run", pipeline: null, commit: "a1b2c3d" }],
  ["/sluice cancel\r\nplease", { kind: "cancel" }],
  ["/sluice retry", { kind: "retry" }],
  ["/sluice diff prod:digits~1", { kind: "diff", against: "prod:digits~1" }],
  ["/sluice diff #12", { kind: "diff", against: "#12" }],
  ["/sluice promote prod", { kind: "promote", environment: "prod", pipeline: null, run: null, breakGlass: null }],
  [
    "/sluice promote prod digits r4k7",
    { kind: "promote", environment: "prod", pipeline: "digits", run: "r4k7", breakGlass: null },
  ],
  [
    "/sluice promote prod --break-glass it  burns",
    { kind: "promote", environment: "prod", pipeline: null, run: null, breakGlass: "it  burns" },
  ],
  [
    "/sluice promote prod digits --break-glass a --break-glass b",
    { kind: "promote", environment: "prod", pipeline: "digits", run: null, breakGlass: "a --break-glass b" },
  ],
  ["/sluice approve prod digits", { kind: "approve", environment: "prod", pipeline: "digits" }],
  ["/sluice rollback prod digits r4k7", { kind: "rollback", environment: "prod", pipeline: "digits", run: "r4k7" }],
  [
    "/sluice hold prod/digits odd drift",
    { kind: "hold", environment: "prod", pipeline: "digits", reason: "odd drift" },
  ],
  ["/sluice unhold prod", { kind: "unhold", environment: "prod", pipeline: null }],
  ["/sluice freeze prod holidays", { kind: "freeze", environment: "prod", reason: "holidays" }],
  ["/sluice unfreeze prod back", { kind: "unfreeze", environment: "prod", reason: "back" }],
  ["/sluice explain train", { kind: "explain", step: "train" }],
  ["/sluice note looks @fine <b>", { kind: "note", text: "looks @fine <b>" }],
  ["/sluice help me", { kind: "help" }],
])("%s", (text, command) => {
  expect(parseCommand(text)).toEqual({ kind: "command", command });
});

test.each([
  ["/sluice rnu", "did you mean /sluice run?"],
  ["/sluice Plan", "did you mean /sluice plan?"],
  ["/sluice zebra", `write ${USAGE.help}`],
  ["/sluice constructor", `write ${USAGE.help}`],
  ["/sluice run a b", `write ${USAGE.run}`],
  ["/sluice run digits@main", `write ${USAGE.run}`],
  ["/sluice run digits@", `write ${USAGE.run}`],
  ["/sluice diff --help", `write ${USAGE.diff}`],
  ["/sluice promote", `write ${USAGE.promote}`],
  ["/sluice promote --break-glass fire", `write ${USAGE.promote}`],
  ["/sluice promote prod --break-glass", `write ${USAGE.promote}`],
  ["/sluice promote prod digits --broken-glass", `write ${USAGE.promote}`],
  ["/sluice promote prod;rm", `write ${USAGE.promote}`],
  ["/sluice hold prod", `write ${USAGE.hold}`],
  ["/sluice hold a/b/c why", `write ${USAGE.hold}`],
  ["/sluice freeze prod/digits why", `write ${USAGE.freeze}`],
  ["/sluice plan now", `write ${USAGE.plan}`],
])("%s is refused", (text, next) => {
  expect(parseCommand(text)).toMatchObject({ kind: "refused", next });
});

test("any text is a command or refused, in bounded words", () => {
  const word = fc.oneof(fc.constantFrom(...Object.keys(USAGE), "prod", "a/b", "@x", "\u202E", "`", "|"), fc.string());
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (words) => {
      const parsed = parseCommand(["/sluice", ...words].join(" "));
      if (parsed.kind === "refused") expect(parsed.why.length + parsed.next.length).toBeLessThan(200);
      else expect(Object.hasOwn(USAGE, parsed.command.kind)).toBe(true);
    }),
  );
});

test("a very long line takes no time", () => {
  const before = performance.now();
  for (const text of [
    `/sluice ${" ".repeat(200_000)}x`,
    `/sluice hold ${"a ".repeat(100_000)}`,
    "/sluice".repeat(50_000),
  ])
    expect(parseCommand(text).kind).toBe("refused");
  expect(performance.now() - before).toBeLessThan(500);
});
