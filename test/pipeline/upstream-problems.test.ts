import { expect, test } from "vitest";

import { upstreamProblems } from "../../src/pipeline/upstream-problems.ts";
import { parsed } from "../builders/pipeline.ts";

const pipeline = (name: string, ...upstream: readonly string[]): ReturnType<typeof parsed> =>
  parsed(
    `version: 1\non: { upstream: [${upstream.join(", ")}] }\nsteps: { a: { run: x } }\n`,
    `pipelines/${name}.yaml`,
  );

const said = (problems: ReturnType<typeof upstreamProblems>): readonly string[] =>
  problems.map(({ at, message, next }) => `${at.path}:${at.line}:${at.column} ${message}; ${next}`);

test("an upstream that is not there is told at its item, with what was meant", () => {
  expect(
    said(upstreamProblems([pipeline("features"), pipeline("train", "feature", "nothing-like-it")], false)),
  ).toEqual([
    "pipelines/train.yaml:2:18 there is no pipeline `feature`; did you mean `features`?",
    "pipelines/train.yaml:2:27 there is no pipeline `nothing-like-it`; known: features",
  ]);
  expect(said(upstreamProblems([pipeline("train", "feature")], false))).toEqual([
    "pipelines/train.yaml:2:18 there is no pipeline `feature`; there is no other one",
  ]);
});

test("where a file could not be read, nobody knows that a pipeline is missing", () => {
  expect(upstreamProblems([pipeline("train", "feature")], true)).toEqual([]);
});

test("pipelines that start each other are spelled out once, from the first of them", () => {
  const circle = [pipeline("a", "c"), pipeline("b", "a"), pipeline("c", "b"), pipeline("d", "a")];
  expect(said(upstreamProblems(circle, false))).toEqual([
    "pipelines/a.yaml:2:18 these pipelines start each other: a → b → c → a; remove one of them from an `on.upstream`",
  ]);
  expect(said(upstreamProblems([pipeline("a", "a")], false))).toEqual([
    "pipelines/a.yaml:2:18 these pipelines start each other: a → a; remove one of them from an `on.upstream`",
  ]);
  expect(upstreamProblems([pipeline("a"), pipeline("b", "a"), pipeline("c", "a", "b")], false)).toEqual([]);
});
