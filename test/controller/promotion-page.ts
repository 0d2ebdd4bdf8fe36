import type { PullRequest } from "../../src/forge/forge.ts";
import { sha } from "../manifest/run-records.ts";

/** An open promotion of `digits` to `prod`, as the forge has it. */
export const PAGE: PullRequest = {
  number: 5,
  title: "",
  body: "",
  state: "open",
  draft: false,
  merged: false,
  mergedAt: null,
  mergedBy: null,
  mergeCommit: null,
  author: { id: 1, login: "sluice", bot: true },
  labels: [],
  head: { sha: sha("d"), branch: "sluice/promote/prod/digits", repository: 42 },
  base: { sha: sha("c"), branch: "main" },
};
