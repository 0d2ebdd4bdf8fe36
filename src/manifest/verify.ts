import { digestOf, digestOfJson, hexOf, runIdFrom, type Digest, type RunId } from "../identity/identity.ts";
import type { Json } from "../identity/canonical-json.ts";
import type { RunRecord } from "../run/run-record.ts";
import { bundleFault, type CheckBundle, type Identity } from "./bundle.ts";
import { runTrailers } from "./commit-message.ts";
import { checkEnvelope, PAYLOAD_TYPE } from "./dsse.ts";
import { parseJson, readStatement, type ParsedManifest } from "./parse-manifest.ts";
import { isObject } from "./shape.ts";
import { requestDigest } from "./statement.ts";
import { statementFaults } from "./statement-rules.ts";
import { trailerFaults } from "./trailer-faults.ts";

/** One run as its ledger has it. */
export interface LedgerEntry {
  /** The id whose directory it stands in. */
  readonly run: RunId;
  readonly manifest: Uint8Array;
  /** `manifest.sig.json`; undefined for an unsigned run. */
  readonly envelope: Uint8Array | undefined;
  /** `manifest.sigstore.json`; undefined where only a key signed. */
  readonly bundle?: Uint8Array | undefined;
  readonly message: string;
  /** Files beside the manifest, for very large runs. */
  readonly part?: (file: string) => Uint8Array | undefined;
}

/** A manifest's JSON, undefined where it is none, and the run in it. */
interface ReadManifest {
  readonly statement: { readonly value: unknown } | undefined;
  readonly parsed: ParsedManifest;
}

export interface VerifyContext {
  /** Public keys (PEM) by key id, of those whose signature counts. */
  readonly publicKeys: ReadonlyMap<string, string>;
  /** What a Sigstore bundle says; absent where nobody said whose count. */
  readonly checkBundle?: CheckBundle | undefined;
  /** What is wrong with a key document; keyChecks makes one that looks at each document once. */
  readonly keyDocument: (key: Digest) => Finding | undefined;
  /** The digest of a result, undefined where it can have none; resultDigests makes one for a whole ledger, whose runs share results. */
  readonly resultDigest: (result: Json) => Digest | undefined;
}

export interface Finding {
  readonly kind: "manifest" | "trailer" | "signature" | "identity" | "statement" | "id" | "key" | "result";
  /** One sentence without a trailing dot. */
  readonly sentence: string;
}

export interface VerifiedRun {
  readonly run: RunId;
  /** Id of the pipeline, empty where the manifest cannot be read. */
  readonly pipeline: string;
  readonly verified: "signature" | "none";
  /** Who signed it keyless besides, `unchecked` where nobody said who is trusted; absent without a bundle. */
  readonly identity?: Identity | "unchecked";
  readonly findings: readonly Finding[];
}

/** Verifies one run with nothing but its own files: an entry without findings is what was signed and committed. */
export function verifyRun(entry: LedgerEntry, context: VerifyContext): VerifiedRun {
  const digest = digestOf(entry.manifest);
  const { verified, findings } = signatureFindings(entry, context);
  const keyless = identityOf(entry, context, findings);
  const { statement, parsed } = readManifest(entry);
  if (statement !== undefined) findings.push(...statementFindings(statement.value));
  if (parsed.kind === "refused") {
    findings.push({ kind: "manifest", sentence: `the manifest cannot be read: ${parsed.why}` });
    return { run: entry.run, pipeline: "", verified, ...keyless, findings };
  }
  const { record } = parsed;
  findings.push(
    ...trailerFindings(entry, record, digest),
    ...idFindings(entry.run, record, statement?.value),
    ...stepFindings(record, context),
  );
  return { run: entry.run, pipeline: record.pipeline.id, verified, ...keyless, findings };
}

/** Reads a manifest once for all that is asked of it. */
function readManifest({ manifest, part }: Pick<LedgerEntry, "manifest" | "part">): ReadManifest {
  const statement = parseJson(manifest);
  const parsed: ParsedManifest =
    statement === undefined
      ? { kind: "refused", why: "it is not JSON" }
      : readStatement(statement.value, () => undefined, part);
  return { statement, parsed };
}

/** Looks at each key document once, however many runs share it: its bytes must hash to its name. */
export function keyChecks(read: (key: Digest) => Uint8Array | undefined): VerifyContext["keyDocument"] {
  const seen = new Map<Digest, Finding | undefined>();
  return (key) => {
    if (seen.has(key)) return seen.get(key);
    const bytes = read(key);
    const finding = bytes !== undefined && digestOf(bytes) === key ? undefined : keyFinding(key, bytes);
    seen.set(key, finding);
    return finding;
  };
}

function keyFinding(key: Digest, bytes: Uint8Array | undefined): Finding {
  const name = `the key document ${hexOf(key).slice(0, 12)}`;
  return {
    kind: "key",
    sentence: bytes === undefined ? `${name} is not in the ledger` : `${name} has other bytes than its name says`,
  };
}

function signatureFindings(
  { envelope, manifest }: LedgerEntry,
  { publicKeys }: VerifyContext,
): { verified: VerifiedRun["verified"]; findings: Finding[] } {
  if (envelope === undefined) return { verified: "none", findings: [] };
  const check = checkEnvelope(envelope, manifest, publicKeys);
  switch (check.kind) {
    case "valid":
      return { verified: "signature", findings: [] };
    case "unknown-key":
      return {
        verified: "none",
        findings: [
          { kind: "signature", sentence: `signed by the key ${check.keyId.slice(0, 12)}, which is not known here` },
        ],
      };
    case "invalid":
      return { verified: "none", findings: [{ kind: "signature", sentence: check.why }] };
  }
}

/** Whom a run's bundle names; one that does not count is a finding, whatever the key signed. */
function identityOf(
  { bundle, manifest }: LedgerEntry,
  { checkBundle }: VerifyContext,
  findings: Finding[],
): Pick<VerifiedRun, "identity"> {
  if (bundle === undefined) return {};
  if (checkBundle === undefined) return { identity: "unchecked" };
  const check = checkBundle(bundle, manifest, PAYLOAD_TYPE);
  if (check.kind === "valid") return { identity: check.identity };
  findings.push({ kind: "identity", sentence: bundleFault(check, "sluice.yaml") ?? "" });
  return {};
}

/** Breaches of the rules of the standards. */
function statementFindings(statement: unknown): readonly Finding[] {
  return statementFaults(statement).map((fault) => ({
    kind: "statement",
    sentence: `the manifest breaks a rule of its standard: ${fault}`,
  }));
}

function trailerFindings({ message }: LedgerEntry, record: RunRecord, manifest: Digest): readonly Finding[] {
  const faults = trailerFaults(message, runTrailers(record, manifest), "the manifest");
  return faults.map((sentence) => ({ kind: "trailer", sentence }));
}

function idFindings(run: RunId, record: RunRecord, statement: unknown): readonly Finding[] {
  const findings: Finding[] = [];
  if (record.id !== run)
    findings.push({ kind: "id", sentence: `the manifest of run ${record.id} stands in the directory of ${run}` });
  const request = requestDigest(record);
  const derived = runIdFrom(request);
  if (derived !== record.id)
    findings.push({ kind: "id", sentence: `its request gives the id ${derived}, not ${record.id}` });
  const stated = outerWords(statement);
  if (stated.invocation !== record.id) findings.push({ kind: "id", sentence: "its invocationId is not the run's id" });
  if (stated.subject !== hexOf(request))
    findings.push({ kind: "id", sentence: "its first subject is not the run's request" });
  if (stated.source !== record.source)
    findings.push({ kind: "id", sentence: "its first dependency is not the run's source" });
  return findings;
}

/** What the standard members of the statement say of the run. */
function outerWords(statement: unknown): {
  readonly invocation: unknown;
  readonly subject: unknown;
  readonly source: unknown;
} {
  const at = (value: unknown, ...path: readonly (string | number)[]): unknown =>
    path.reduce<unknown>((inner, name) => {
      if (Array.isArray(inner)) return typeof name === "number" ? inner[name] : undefined;
      return isObject(inner) ? inner[name] : undefined;
    }, value);
  return {
    invocation: at(statement, "predicate", "runDetails", "metadata", "invocationId"),
    subject: at(statement, "subject", 0, "digest", "sha256"),
    source: at(statement, "predicate", "buildDefinition", "resolvedDependencies", 0, "digest", "gitCommit"),
  };
}

function stepFindings(record: RunRecord, { keyDocument, resultDigest }: VerifyContext): readonly Finding[] {
  return record.steps.flatMap(({ name, key, outcome }): Finding[] => {
    if (key === null) return [];
    const wrong = keyDocument(key);
    const findings = wrong === undefined ? [] : [wrong];
    if (outcome.kind !== "succeeded" && outcome.kind !== "cached") return findings;
    const result = resultDigest({ facts: outcome.facts as unknown as Json, key });
    return result === outcome.result
      ? findings
      : [
          ...findings,
          { kind: "result", sentence: `the result of step ${name} has another digest than its outputs and metrics` },
        ];
  });
}

/** Characters of the results that are remembered; a run takes most of its own from those before it. */
const REMEMBERED = 16_777_216;

/** Digests of results, each made once for the same text: runs share most of theirs. */
export function resultDigests(): VerifyContext["resultDigest"] {
  const known = new Map<string, Digest | undefined>();
  let kept = 0;
  return (result) => {
    const text = JSON.stringify(result);
    // What a number beyond all bounds is written as too: its text would stand for two results.
    if (text.includes("null")) return digestOrUndefined(result);
    if (known.has(text)) return known.get(text);
    if (kept + text.length > REMEMBERED) {
      known.clear();
      kept = 0;
    }
    const digest = digestOrUndefined(result);
    known.set(text, digest);
    kept += text.length;
    return digest;
  };
}

/** Numbers that canonical JSON refuses have no digest, and no result that we made has them. */
function digestOrUndefined(value: Json): Digest | undefined {
  try {
    return digestOfJson(value);
  } catch {
    return undefined;
  }
}
