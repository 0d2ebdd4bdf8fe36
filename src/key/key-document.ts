import type { Digest, Domain, RunId } from "../identity/identity.ts";
import { canonicalJson, type Json, type JsonObject } from "../identity/canonical-json.ts";
import { digestOf, digestOfJson } from "../identity/identity.ts";

/** What stands at a path: an executable file differs from the same bytes without the bit. */
export type EntryKind = "file" | "executable" | "link" | "directory" | "dataset";

export interface KeyInput {
  readonly path: string;
  readonly kind: EntryKind | "output";
  /**
   * A digest; in a *symbolic* document (work order) an upstream output is
   * `step:<key of the producing step's symbolic document>:<path>` with kind `output`.
   */
  readonly digest: string;
}

/** Everything that can change a step's result, and nothing else (SEMANTICS §2), version 1. */
export interface KeyDocument {
  readonly key: 1;
  readonly salt: string;
  readonly executor: string;
  readonly image: Digest | null;
  readonly platform: string;
  readonly accelerator: string | null;
  readonly tools: Readonly<Record<string, string>>;
  readonly environment: { readonly kind: string; readonly lock: Digest | null } | null;
  readonly shell: string | null;
  /** The template as written, or the argv. */
  readonly run: string | readonly string[];
  readonly params: JsonObject;
  readonly env: Readonly<Record<string, string>>;
  readonly network: boolean;
  readonly secrets: readonly string[];
  readonly inputs: readonly KeyInput[];
  readonly outputs: readonly { readonly path: string; readonly kind: "any" | "directory" }[];
  readonly metrics: readonly string[];
  readonly plots: readonly string[];
}

/** The name of a step's result: SHA-256 over the canonical JSON of its key document. */
export function keyOf(document: KeyDocument): Digest {
  const { before, after } = aroundInputs(templates.get(document) ?? document);
  return digestOf(`${before}${inputsText(document.inputs)}${after}`);
}

function inputsText(inputs: readonly KeyInput[]): string {
  let text = "";
  for (const { digest, kind, path } of inputs) {
    const one = `{"digest":${canonicalJson(digest)},"kind":"${kind}","path":${canonicalJson(path)}}`;
    text += text === "" ? one : `,${one}`;
  }
  return `[${text}]`;
}

/** The same document with other inputs. Only they are put into canonical form again when its key is asked for. */
export function withInputs(template: KeyDocument, inputs: readonly KeyInput[]): KeyDocument {
  const document = { ...template, inputs };
  templates.set(document, templates.get(template) ?? template);
  return document;
}

interface Around {
  readonly before: string;
  readonly after: string;
}
const templates = new WeakMap<KeyDocument, KeyDocument>();
const texts = new WeakMap<KeyDocument, Around>();

/** Canonical JSON of a document before and after the value of `inputs`: its names are sorted. */
function aroundInputs(document: KeyDocument): Around {
  const known = texts.get(document);
  if (known !== undefined) return known;
  const text = Object.keys(document).length === MEMBERS ? textsOf(document) : textsOfAny(document);
  texts.set(document, text);
  return text;
}

/** Members of a document that this version writes. */
const MEMBERS = 18;

/** Written out member by member, because this is most of what planning costs. */
function textsOf(document: KeyDocument): Around {
  const json = (value: unknown): string => canonicalJson(value as Json);
  const { accelerator, env, environment, executor, image } = document;
  const { key, metrics, network, outputs, params, platform, plots, run, salt, secrets, shell, tools } = document;
  return {
    before:
      `{"accelerator":${json(accelerator)},"env":${json(env)},"environment":${json(environment)},` +
      `"executor":${json(executor)},"image":${json(image)},"inputs":`,
    after:
      `,"key":${json(key)},"metrics":${json(metrics)},"network":${json(network)},"outputs":${json(outputs)},` +
      `"params":${json(params)},"platform":${json(platform)},"plots":${json(plots)},"run":${json(run)},` +
      `"salt":${json(salt)},"secrets":${json(secrets)},"shell":${json(shell)},"tools":${json(tools)}}`,
  };
}

/** A document that lacks a member, or has one that another version wrote. */
function textsOfAny(document: KeyDocument): Around {
  const before: Record<string, Json> = {};
  const after: Record<string, Json> = {};
  for (const [name, value] of Object.entries(document as unknown as JsonObject)) {
    if (name < "inputs") before[name] = value;
    else if (name > "inputs") after[name] = value;
  }
  return {
    before: `${canonicalJson(before).slice(0, -1)},"inputs":`,
    after: `,${canonicalJson(after).slice(1)}`,
  };
}

/** One output of a result: a directory's digest is that of its listing. */
export interface OutputRecord {
  readonly path: string;
  readonly kind: "file" | "executable" | "directory";
  readonly digest: Digest;
  /** Bytes, of all files below for a directory. */
  readonly size: number;
  /** Files below a directory; 1 for a file. */
  readonly files: number;
}

/** An entry of a directory listing; the listing sorted by path in UTF-8 bytes is the directory's identity. */
export type ListingEntry =
  | { readonly path: string; readonly x: boolean; readonly digest: Digest; readonly size: number }
  | { readonly path: string; readonly link: string };

/** Digest of a directory: over `{path, x, digest | link}`; sizes are a convenience and not part of it. */
export function directoryDigest(sorted: readonly ListingEntry[]): Digest {
  return digestOfJson(
    sorted.map((entry) =>
      "link" in entry ? { path: entry.path, link: entry.link } : { path: entry.path, x: entry.x, digest: entry.digest },
    ),
  );
}

/** What an attempt cost; every figure names how it was measured, null where it was not. */
export interface Profile {
  readonly wallMs: number;
  readonly cpuUserMs: number | null;
  readonly cpuSystemMs: number | null;
  readonly peakBytes: number | null;
  /** `wait4`: user, system and largest single process; `none`: not measured. */
  readonly method: "wait4" | "none";
}

export type Isolation = "workspace" | "sandbox" | "container";

/** A number read from a metrics file; non-finite ones are kept as words because JSON has none. */
export type MetricValue =
  | number
  | "NaN"
  | "Infinity"
  | "-Infinity"
  /** A whole number beyond 2^53, which a double does not hold: its exact digits. */
  | `${bigint}`;

/**
 * What a finished step gave: created once per (domain, key) and then *the* result.
 * `facts` decide equality; `made` tells who computed it and what it cost.
 */
export interface StepResult {
  readonly result: 1;
  readonly key: Digest;
  readonly facts: {
    /** Sorted by path in UTF-8 bytes. Metric and plot files are outputs too. */
    readonly outputs: readonly OutputRecord[];
    /** Metrics by dotted name, from the step's metrics files. */
    readonly metrics: Readonly<Record<string, MetricValue>>;
  };
  readonly made: {
    readonly run: RunId;
    readonly step: string;
    readonly attempt: number;
    readonly domain: Domain;
    readonly isolation: Isolation;
    readonly network: boolean;
    readonly secrets: boolean;
    /** RFC 3339 UTC. */
    readonly finishedAt: string;
    readonly profile: Profile;
    /** Log of the successful attempt, in the store; null when it wrote nothing. */
    readonly log: Digest | null;
  };
}

/** The digest that a run pins: over key and facts, so that equal bytes are one result whoever made them. */
export function resultDigest(result: StepResult): Digest {
  return digestOfJson({ facts: result.facts, key: result.key } as unknown as Json);
}
