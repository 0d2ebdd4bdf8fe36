import type { z } from "zod";

import type { Json } from "../identity/canonical-json.ts";
import type { Problem } from "../problem/problem.ts";
import { shorten } from "../problem/shorten.ts";
import { closest } from "../problem/suggest.ts";
import type { Span } from "./pipeline.ts";
import { keyMeant } from "./unknown-key.ts";
import type { YamlSource } from "./yaml-source.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

export interface Vocabulary {
  /** Keys that answer "not in this version". */
  readonly reserved: ReadonlySet<string>;
  /** Keys that stand in the operator's file, not in this one. */
  readonly elsewhere: ReadonlySet<string>;
  /** Keys that are allowed beside an unknown one, for "did you mean". */
  readonly keysAt: (path: Path) => readonly string[];
}

/** Turns what zod found into Problems at the smallest node at fault (SEMANTICS §1). */
export function schemaProblems(yaml: YamlSource, issues: readonly Issue[], vocabulary: Vocabulary): Problem[] {
  return issues.flatMap((issue) => choiceProblem(yaml, issue) ?? problemsOf(yaml, deepest(issue, []), vocabulary));
}

/** A map of several forms, such as `environment:`, that is of none of them or of several at once. */
function choiceProblem(yaml: YamlSource, issue: Issue): Problem[] | undefined {
  if (issue.code !== "invalid_union") return undefined;
  const value = valueAt(yaml.value, issue.path);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const forms = issue.errors.filter((branch) =>
    branch.every(({ code, path }) => code !== "invalid_type" || path.length > 0),
  );
  if (forms.length < 2) return undefined;
  const strange = forms.map((form) =>
    form.flatMap((inner) => (inner.code === "unrecognized_keys" && inner.path.length === 0 ? inner.keys : [])),
  );
  const mixed = Object.keys(value).filter((key) => strange.some((keys) => keys.includes(key)));
  if (mixed.some((key) => strange.every((keys) => keys.includes(key)))) return undefined;
  const missing = forms.flatMap((form) =>
    form.flatMap(({ code, path }) =>
      code === "invalid_type" && path.length === 1 && !Object.hasOwn(value, path[0] ?? "") ? [String(path[0])] : [],
    ),
  );
  const node = nodeAt(yaml, issue.path);
  const name = `\`${nameOf(issue.path)}\``;
  const quoted = (keys: readonly string[]): string => keys.map((key) => `\`${key}\``).join(", ");
  const at = (span: Span): Problem["at"] => ({
    path: yaml.path,
    line: span[0],
    column: span[1],
    end: { line: span[2], column: span[3] },
  });
  if (mixed.length > 1 && strange.every((keys) => keys.length > 0))
    return [
      {
        severity: "error",
        code: "mixed-forms",
        at: at(yaml.keySpan(node, mixed.at(-1) ?? "")),
        message: `${name} mixes ${quoted(mixed)}, which do not belong together`,
        next: "keep one of them",
      },
    ];
  if (Object.keys(value).length > 0) return undefined;
  return [
    {
      severity: "error",
      code: "missing-key",
      at: at(yaml.span(node)),
      message: `${name} is empty`,
      next: `write one of ${quoted([...new Set(missing)])}`,
    },
  ];
}

/** Nobody reads more of them. */
const MAX_KEYS = 101;

interface Found {
  readonly issue: Issue;
  readonly path: Path;
}

/** For a union: the branch that got furthest into the value tells best what is wrong. */
function deepest(issue: Issue, base: Path): Found {
  const path = [...base, ...issue.path];
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return { issue, path };
  const unknown = unknownEverywhere(issue.errors, path);
  if (unknown !== undefined) return unknown;
  let best: Found | undefined;
  let depth = -1;
  for (const branch of issue.errors) {
    for (const inner of branch) {
      const found = deepest(inner, path);
      const weight = found.path.length * 2 + (found.issue.code === "invalid_type" ? 0 : 1);
      if (weight > depth && (found.path.length > path.length || found.issue.code !== "invalid_type")) {
        depth = weight;
        best = found;
      }
    }
  }
  // No form got further than the others: all of them are what could stand here.
  if (best === undefined || (best.issue.code === "invalid_value" && best.path.length === path.length))
    return { issue, path };
  return best;
}

/** A key that no branch of a union knows is what is wrong, whichever branch was meant. */
function unknownEverywhere(branches: readonly (readonly Issue[])[], path: Path): Found | undefined {
  const maps = branches.filter(
    (branch) => !branch.some((inner) => inner.code === "invalid_type" && inner.path.length === 0),
  );
  const unknown = maps.map((branch) =>
    branch.flatMap((inner) => (inner.code === "unrecognized_keys" && inner.path.length === 0 ? inner.keys : [])),
  );
  const keys = (unknown[0] ?? []).filter((key) => unknown.every((one) => one.includes(key)));
  if (maps.length < 2 || keys.length === 0) return undefined;
  return { issue: { code: "unrecognized_keys", keys, path: [], message: "" } as Issue, path };
}

function problemsOf(yaml: YamlSource, { issue, path }: Found, vocabulary: Vocabulary): Problem[] {
  const problem = (span: Span, code: string, message: string, next: string): Problem => ({
    severity: "error",
    code,
    at: { path: yaml.path, line: span[0], column: span[1], end: { line: span[2], column: span[3] } },
    message,
    next,
  });
  const node = nodeAt(yaml, path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys
      .slice(0, MAX_KEYS)
      .map((key) => unknownKey(key, yaml.keySpan(node, key), { path, vocabulary, problem }));
  }
  const value = valueAt(yaml.value, path);
  const name = nameOf(path);
  if (value === undefined && path.length > 0) {
    const parent = path.slice(0, -1);
    const span =
      parent.length === 0
        ? yaml.span(yaml.root)
        : yaml.keySpan(nodeAt(yaml, parent.slice(0, -1)), String(parent.at(-1)));
    const key = String(path.at(-1));
    // The key that was meant by it is told of, with this one's name.
    const known = vocabulary.keysAt(parent);
    const beside = Object.keys((valueAt(yaml.value, parent) ?? {}) as object).filter((one) => !known.includes(one));
    if (beside.some((one) => keyMeant(one, known)?.key === key)) return [];
    const where = parent.length === 0 ? "the file" : `\`${nameOf(parent)}\``;
    return [problem(span, "missing-key", `${where} has no \`${key}\``, `add \`${key}:\``)];
  }
  if (issue.code === "invalid_key") {
    const key = String(path.at(-1));
    return [
      problem(
        yaml.keySpan(nodeAt(yaml, path.slice(0, -1)), key),
        "bad-name",
        `\`${shorten(key)}\` cannot be a name here`,
        `write ${issue.issues[0]?.message ?? "another"}`,
      ),
    ];
  }
  if (path.at(-1) === "network" && Array.isArray(value)) {
    return [
      problem(
        yaml.span(node),
        "not-in-this-version",
        "a list of hosts under `network` is not in this version",
        "write `network: true`",
      ),
    ];
  }
  if (issue.code === "too_small" && (issue.origin === "string" || issue.origin === "array")) {
    const what = `\`${name}\` is empty`;
    return [problem(yaml.span(node), "bad-value", what, "write what belongs here, or remove it")];
  }
  const written = typeof value === "number" ? yaml.written(node) : undefined;
  const shown = value === undefined ? "" : `, not ${written === undefined ? show(value) : `\`${shorten(written)}\``}`;
  const span =
    node === undefined ? yaml.keySpan(nodeAt(yaml, path.slice(0, -1)), String(path.at(-1))) : yaml.span(node);
  return [
    problem(
      span,
      "bad-value",
      `${name === "" ? "the file" : `\`${name}\``} must be ${expectedOf(issue)}${shown}`,
      nextFor(issue, path, { value, written }),
    ),
  ];
}

function nextFor(
  issue: Issue,
  path: Path,
  { value, written }: { readonly value: Json | undefined; readonly written: string | undefined },
): string {
  if (path.at(-1) === "image" && typeof value === "string") return "type `sluice pin`, which writes the digest";
  const meant = typeof value === "string" ? closest(value, wordsOf(issue)) : undefined;
  if (meant !== undefined) return `did you mean \`${meant}\`?`;
  const scalar = typeof value === "number" || typeof value === "boolean";
  if (scalar && issue.code === "invalid_type" && issue.expected === "string") return `quote it: "${written ?? value}"`;
  return `write ${expectedOf(issue)} here`;
}

/** Words that an enumeration allows, also as one of several forms. */
function wordsOf(issue: Issue): readonly string[] {
  if (issue.code === "invalid_value") return issue.values.filter((word) => typeof word === "string");
  return issue.code === "invalid_union" ? issue.errors.flatMap((branch) => branch.flatMap(wordsOf)) : [];
}

function unknownKey(
  key: string,
  span: Span,
  context: {
    readonly path: Path;
    readonly vocabulary: Vocabulary;
    readonly problem: (span: Span, code: string, message: string, next: string) => Problem;
  },
): Problem {
  const { path, vocabulary, problem } = context;
  const known = vocabulary.keysAt(path);
  const next = keyMeant(key, known)?.next;
  if (vocabulary.reserved.has(key)) {
    const instead = key === "uses" && next !== undefined ? next : `remove \`${key}\``;
    return problem(span, "not-in-this-version", `\`${key}\` is not in this version`, instead);
  }
  if (vocabulary.elsewhere.has(key)) {
    const where = "move it to the operator's file, the one that `SLUICE_CONFIG` names";
    return problem(span, "operator-key", `\`${key}\` is for the operator to say`, where);
  }
  const list = `remove it; known here: ${known.slice(0, 40).join(", ")}`;
  return problem(span, "unknown-key", `unknown key \`${shorten(key)}\``, next ?? list);
}

function expectedOf(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return article(issue.expected);
    case "invalid_value":
      return issue.values.length === 1
        ? `\`${String(issue.values[0])}\``
        : `one of ${issue.values.map((value) => `\`${String(value)}\``).join(", ")}`;
    case "too_small":
      return `${issue.inclusive === false ? "more than" : "at least"} ${String(issue.minimum)}`;
    case "too_big":
      return `at most ${String(issue.maximum)}`;
    case "invalid_format":
      return issue.message.startsWith("Invalid") ? "a valid name" : issue.message;
    case "invalid_union":
      return expectedOfUnion(issue.errors);
    case "custom":
    case "invalid_element":
    case "invalid_key":
    case "not_multiple_of":
    case "unrecognized_keys":
      return issue.message;
    default:
      return issue satisfies never;
  }
}

/** The forms that a union allows, in words: "text or a list". */
function expectedOfUnion(branches: readonly (readonly Issue[])[]): string {
  const forms = branches.flatMap((branch) =>
    branch
      .filter((inner) => inner.path.length === 0)
      .slice(0, 1)
      .map(expectedOf),
  );
  return forms.length === 0 ? "of another form" : [...new Set(forms)].join(" or ");
}

const NOUNS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "`true` or `false`",
  array: "a list",
  object: "a map",
  record: "a map",
  null: "empty",
};

function article(type: string): string {
  return NOUNS[type] ?? type;
}

function show(value: Json): string {
  const text = JSON.stringify(value);
  return `\`${text.length > 60 ? `${text.slice(0, 57)}…` : text}\``;
}

function nameOf(path: Path): string {
  return path
    .map((part, at) => (typeof part === "number" ? `[${part}]` : at === 0 ? String(part) : `.${String(part)}`))
    .join("");
}

function nodeAt(yaml: YamlSource, path: Path): ReturnType<YamlSource["child"]> {
  let node: ReturnType<YamlSource["child"]> = yaml.root ?? undefined;
  for (const part of path) node = yaml.child(node, typeof part === "number" ? part : String(part));
  return node;
}

function valueAt(value: Json, path: Path): Json | undefined {
  let at: Json | undefined = value;
  for (const part of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = Array.isArray(at)
      ? (at as readonly Json[])[Number(part)]
      : (at as { readonly [name: string]: Json })[String(part)];
  }
  return at;
}
