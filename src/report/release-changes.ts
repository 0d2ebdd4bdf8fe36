import { isDeepStrictEqual } from "node:util";

import type { Release } from "../release/release.ts";
import { codeSpan } from "./escape-markdown.ts";
import { shortDigest } from "./words.ts";

/** Lines shown of each kind; the manifest holds the rest. */
const SHOWN = 20;

/** What a candidate changes against the live release, and the artifacts that it brings; folded, "" where it is empty. */
export function releaseChanges(candidate: Release, live: Release | null): string {
  const parts = [
    {
      title: "Parameters",
      lines: live === null ? [] : changedParameters(candidate, live),
    },
    { title: "Data", lines: live === null ? [] : changedData(candidate, live) },
    {
      title: "Environments",
      lines: live === null ? [] : changedEnvironments(candidate, live),
    },
    {
      title: "Artifacts",
      lines: candidate.artifacts.map((one) => artifactLine(one, live)),
    },
  ];
  if (parts.every(({ lines }) => lines.length === 0)) return "";
  const summary = parts.map(({ title, lines }) => `${title} (${lines.length})`).join(" · ");
  return `<details><summary>${summary}</summary>\n\n${parts.flatMap(({ lines }) => shown(lines)).join("\n")}\n\n</details>`;
}

function shown(lines: readonly string[]): readonly string[] {
  if (lines.length <= SHOWN) return lines;
  return [...lines.slice(0, SHOWN), `- and ${lines.length - SHOWN} more`];
}

/** Names only: what a value is stands in the manifest. */
function changedParameters({ params }: Release, live: Release): readonly string[] {
  const names = [...new Set([...Object.keys(live.params), ...Object.keys(params)])].sort();
  return names
    .filter((name) => !isDeepStrictEqual(params[name], live.params[name]))
    .map((name) => `- parameter ${codeSpan(name)} ${wordOf(name in live.params, name in params)}`);
}

function changedData({ data }: Release, live: Release): readonly string[] {
  const [before, after] = [live.data, data].map((sets) => new Map(sets.map(({ name, digest }) => [name, digest])));
  const names = [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].sort();
  return names
    .filter((name) => before?.get(name) !== after?.get(name))
    .map((name) => `- data ${codeSpan(name)} ${wordOf(before?.has(name) === true, after?.has(name) === true)}`);
}

function changedEnvironments({ environments }: Release, live: Release): readonly string[] {
  return [
    ...environments
      .filter((one) => !live.environments.includes(one))
      .map((one) => `- environment ${codeSpan(one)} added`),
    ...live.environments
      .filter((one) => !environments.includes(one))
      .map((one) => `- environment ${codeSpan(one)} removed`),
  ];
}

function artifactLine({ path, digest }: Release["artifacts"][number], live: Release | null): string {
  const same = live?.artifacts.some((one) => one.path === path && one.digest === digest) === true;
  return `- artifact ${codeSpan(path)} ${codeSpan(shortDigest(digest))}${same ? ", the bytes that are live" : ""}`;
}

function wordOf(before: boolean, after: boolean): string {
  if (before && after) return "changed";
  return after ? "added" : "removed";
}
