import { expect, test } from "vitest";

import { statementFaults } from "../../src/manifest/statement-rules.ts";

type Fields = Record<string, unknown>;

function good(): { readonly statement: Fields; readonly definition: Fields; readonly details: Fields } {
  const definition: Fields = {
    buildType: "https://example.org/build/v1",
    externalParameters: { request: "push:main" },
  };
  const details: Fields = { builder: { id: "https://example.org/builder" } };
  const statement: Fields = {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "model", digest: { sha256: "a".repeat(64) } }],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: { buildDefinition: definition, runDetails: details },
  };
  return { statement, definition, details };
}

test("a sound statement has no fault, with unknown members too", () => {
  const { statement, details } = good();
  details["metadata"] = {
    invocationId: "r",
    startedOn: "2026-01-01T00:00:00Z",
    finishedOn: "2026-01-01T00:00:00.5Z",
    other: 1,
  };
  statement["more"] = true;
  expect(statementFaults(statement)).toEqual([]);
});

const sides = ["predicate.buildDefinition", "predicate.runDetails"] as const;

/** The six vectors of the standard's own validators: each lacks one thing. */
test.each<[string, (parts: ReturnType<typeof good>) => void, string]>([
  [
    "no buildDefinition",
    ({ statement, details }) => (statement["predicate"] = { runDetails: details }),
    `${sides[0]}: is required`,
  ],
  ["no buildType", ({ definition }) => delete definition["buildType"], `${sides[0]}.buildType: is required`],
  [
    "no externalParameters",
    ({ definition }) => (definition["externalParameters"] = {}),
    `${sides[0]}.externalParameters: must not be empty`,
  ],
  [
    "no runDetails",
    ({ statement, definition }) => (statement["predicate"] = { buildDefinition: definition }),
    `${sides[1]}: is required`,
  ],
  ["no builder", ({ details }) => delete details["builder"], `${sides[1]}.builder: is required`],
  ["no builder.id", ({ details }) => (details["builder"] = { version: {} }), `${sides[1]}.builder.id: is required`],
])("%s", (_, spoil, fault) => {
  const parts = good();
  spoil(parts);
  expect(statementFaults(parts.statement)).toEqual([fault]);
});

test.each<[string, (parts: ReturnType<typeof good>) => void, string]>([
  [
    "another type",
    ({ statement }) => (statement["_type"] = "https://in-toto.io/Statement/v0.1"),
    "_type: must be https://in-toto.io/Statement/v1",
  ],
  [
    "another predicate",
    ({ statement }) => (statement["predicateType"] = "https://slsa.dev/provenance/v0.2"),
    "predicateType: must be https://slsa.dev/provenance/v1",
  ],
  ["no subject", ({ statement }) => (statement["subject"] = []), "subject: must be a list with at least one entry"],
  [
    "a subject without digest",
    ({ statement }) => (statement["subject"] = [{ name: "a", uri: "file:a" }]),
    "subject[0].digest: is required",
  ],
  [
    "an empty digest",
    ({ statement }) => (statement["subject"] = [{ name: "a", digest: {} }]),
    "subject[0].digest: must be a map with at least one digest",
  ],
  [
    "a short sha256",
    ({ statement }) => (statement["subject"] = [{ name: "a", digest: { sha256: "abcd" } }]),
    "subject[0].digest.sha256: must be lower-case hex of the algorithm's length",
  ],
  [
    "upper-case hex",
    ({ statement }) => (statement["subject"] = [{ name: "a", digest: { sha256: "A".repeat(64) } }]),
    "subject[0].digest.sha256: must be lower-case hex of the algorithm's length",
  ],
  [
    "two subjects of one name",
    ({ statement }) =>
      (statement["subject"] = [1, 2].map(() => ({ name: "a", digest: { gitCommit: "b".repeat(40) } }))),
    "subject[1].name: must be unique",
  ],
  ["no predicate", ({ statement }) => delete statement["predicate"], "predicate: is required"],
  [
    "externalParameters as a list",
    ({ definition }) => (definition["externalParameters"] = [1]),
    `${sides[0]}.externalParameters: must be an object`,
  ],
  [
    "a buildType that is no URI",
    ({ definition }) => (definition["buildType"] = "build"),
    `${sides[0]}.buildType: must be a URI`,
  ],
  [
    "a dependency of nothing",
    ({ definition }) => (definition["resolvedDependencies"] = [{ name: "a" }]),
    `${sides[0]}.resolvedDependencies[0]: must have a digest, a URI or content`,
  ],
  [
    "a local time",
    ({ details }) => (details["metadata"] = { startedOn: "2026-01-01T00:00:00+01:00" }),
    `${sides[1]}.metadata.startedOn: must be an RFC 3339 time in UTC`,
  ],
  [
    "an end before the start",
    ({ details }) => (details["metadata"] = { startedOn: "2026-01-02T00:00:00Z", finishedOn: "2026-01-01T00:00:00Z" }),
    `${sides[1]}.metadata.finishedOn: must not be before startedOn`,
  ],
  [
    "a version of numbers",
    ({ details }) => (details["builder"] = { id: "a:b", version: { sluice: 1 } }),
    `${sides[1]}.builder.version: must be a map of strings`,
  ],
])("%s", (_, spoil, fault) => {
  const parts = good();
  spoil(parts);
  expect(statementFaults(parts.statement)).toEqual([fault]);
});

test.each([null, 1, "x", [], undefined])("%j is no statement", (value) => {
  expect(statementFaults(value)).toEqual(["statement: must be an object"]);
});
