import { canonicalJson, type JsonObject } from "../identity/canonical-json.ts";
import { digestOf, hexOf, parseDigest, parseRunId, type Digest, type RunId } from "../identity/identity.ts";
import { cleaned, messageOf, parseTrailers, type Trailer } from "../manifest/commit-message.ts";
import { runDirectory } from "../manifest/ledger-paths.ts";
import type { SignedElsewhere } from "./release-event.ts";

/** Payload type of the signature over a reproduction. */
export const REPRODUCTION_TYPE = "application/vnd.sluice.reproduction+json";

/** Where a clone and then the remote hold what was reproduced there, by run, until the service has taken it in. */
export const REPRODUCTIONS = "refs/sluice/reproductions/";

/** Differences that a reproduction names; it counts all of them. */
const NAMED = 20;

/** What computing a recorded run again gave: how much was compared, and what was not the same. */
export interface Reproduction {
  /** As the ledger names it: one key signs for many repositories. */
  readonly repository: string;
  readonly run: RunId;
  /** Digest of the manifest that was compared with. */
  readonly manifest: Digest;
  /** Where it was computed again, such as `linux-x64`. */
  readonly platform: string;
  /** Digests of outputs and metrics. */
  readonly compared: number;
  /** `names`: paths of outputs and names of metrics, the first of them. */
  readonly differences: { readonly count: number; readonly names: readonly string[] };
  /** Steps that were not computed again because they change the outside world. */
  readonly left: readonly string[];
  /** RFC 3339 UTC. */
  readonly at: string;
}

/** A reproduction as a key signed it. */
export interface SignedReproduction {
  readonly reproduction: Reproduction;
  readonly signed: SignedElsewhere;
}

/** Whether everything was the same again; where nothing was compared nobody knows. */
export function isSame({ compared, differences }: Pick<Reproduction, "compared" | "differences">): boolean {
  return compared > 0 && differences.count === 0;
}

/** All differences counted, the first of them named. */
export function differencesOf(names: readonly string[]): Reproduction["differences"] {
  return { count: names.length, names: names.slice(0, NAMED) };
}

/** Bytes that are signed: one reproduction has one spelling. */
export function renderReproduction(reproduction: Reproduction): Uint8Array {
  const { repository, run, manifest, platform, compared, differences, left, at } = reproduction;
  const { count, names } = differences;
  const document = {
    reproduction: 1,
    repository,
    run,
    manifest,
    platform,
    compared,
    differences: { count, names },
    left,
    at,
  };
  return new TextEncoder().encode(`${canonicalJson(document)}\n`);
}

/** The reproduction, or undefined for bytes that are not exactly what we would have written. */
export function parseReproduction(bytes: Uint8Array): Reproduction | undefined {
  const value = mapOf(jsonOf(bytes));
  const differences = mapOf(value?.["differences"]);
  if (value === undefined || differences === undefined || value["reproduction"] !== 1) return undefined;
  const { repository, platform, at } = value;
  const [run, manifest] = [parseRunId(textOf(value["run"])), parseDigest(textOf(value["manifest"]))];
  const [compared, count] = [countOf(value["compared"]), countOf(differences["count"])];
  const [names, left] = [textsOf(differences["names"]), textsOf(value["left"])];
  if (typeof repository !== "string" || typeof platform !== "string" || typeof at !== "string") return undefined;
  if (run === undefined || manifest === undefined || compared === undefined || count === undefined) return undefined;
  if (names === undefined || left === undefined || names.length !== Math.min(count, NAMED)) return undefined;
  if (count > compared || !Number.isFinite(Date.parse(at))) return undefined;
  const read = { repository, run, manifest, platform, compared, differences: { count, names }, left, at };
  return Buffer.compare(renderReproduction(read), bytes) === 0 ? read : undefined;
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function mapOf(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function textsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((one) => typeof one === "string");
  return texts.length === value.length ? texts : undefined;
}

const PATH = /^runs\/..\/..\/[^/]+\/reproductions\/[0-9a-f]{32}\.json$/;

/** Where a reproduction of a run stands, by the digest of its bytes. */
export function reproductionPath(run: RunId, digest: Digest): string {
  return `${runDirectory(run)}/reproductions/${hexOf(digest).slice(0, 32)}.json`;
}

/** Whether a reproduction would stand there. */
export function isReproductionPath(path: string): boolean {
  return PATH.test(path);
}

/** `digits: run r4k7 reproduced, 12 digests and metrics compared`, with the trailers that name the record. */
export function reproductionMessage(
  reproduction: Reproduction,
  pipeline: { readonly id: string; readonly name: string },
): string {
  const { run, compared, differences } = reproduction;
  const same = isSame(reproduction);
  const short = run.slice(0, 4);
  const subject = same
    ? `${pipeline.name}: run ${short} reproduced, ${compared} digests and metrics compared`
    : `${pipeline.name}: run ${short} did not reproduce: ${differences.count} of ${compared} differ`;
  return messageOf(subject, reproductionTrailers(reproduction, pipeline.id));
}

/** Trailers of a reproduction's commit, made from its record, so that verification can make them again. */
export function reproductionTrailers(reproduction: Reproduction, pipeline: string): readonly Trailer[] {
  return cleaned([
    ["Sluice-Event", "reproduced"],
    ["Sluice-Pipeline", pipeline],
    ["Sluice-Run", reproduction.run],
    ["Sluice-Reproduced", String(isSame(reproduction))],
    ["Sluice-Reproduction", digestOf(renderReproduction(reproduction))],
  ]);
}

/** The run that a ledger's commit says was reproduced, and where the record of that stands; undefined for other commits. */
export function recordedReproduction(message: string): { readonly run: RunId; readonly path: string } | undefined {
  const trailers = parseTrailers(message);
  const value = (key: string): string => trailers.get(`Sluice-${key}`)?.[0] ?? "";
  const [run, digest] = [parseRunId(value("Run")), parseDigest(value("Reproduction"))];
  if (value("Event") !== "reproduced" || run === undefined || digest === undefined) return undefined;
  return { run, path: reproductionPath(run, digest) };
}
