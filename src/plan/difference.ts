import { canonicalJson, type Json } from "../identity/canonical-json.ts";
import type { KeyDocument } from "../key/key-document.ts";
import type { Change } from "./plan.ts";

/** The structural difference of two key documents, in the order in which people look for causes. */
export function differences(
  from: KeyDocument,
  to: KeyDocument,
  producerOf: (path: string) => string | undefined,
): readonly Change[] {
  return [
    ...parameters(from, to),
    ...commands(from, to),
    ...inputs(from, to, producerOf),
    ...environments(from, to),
    ...plain(from, to),
  ];
}

function parameters(from: KeyDocument, to: KeyDocument): Change[] {
  return names(from.params, to.params).flatMap((name): Change[] => leaves(name, from.params[name], to.params[name]));
}

/** A changed subtree is told by its changed leaves: `train.learning_rate`, not `train`. */
function leaves(name: string, from: Json | undefined, to: Json | undefined): Change[] {
  if (same(from, to)) return [];
  if (isMap(from) && isMap(to)) {
    return names(from, to).flatMap((member) => leaves(`${name}.${member}`, from[member], to[member]));
  }
  return [{ kind: "parameter", name, from, to }];
}

function isMap(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function commands(from: KeyDocument, to: KeyDocument): Change[] {
  const text = (document: KeyDocument): string =>
    typeof document.run === "string" ? `${document.shell ?? ""} ${document.run}` : canonicalJson([...document.run]);
  return text(from) === text(to) ? [] : [{ kind: "command", from: shown(from.run), to: shown(to.run) }];
}

function shown(run: KeyDocument["run"]): string {
  return typeof run === "string" ? run : run.join(" ");
}

function inputs(from: KeyDocument, to: KeyDocument, producerOf: (path: string) => string | undefined): Change[] {
  const before = new Map(from.inputs.map((input) => [input.path, input]));
  const after = new Map(to.inputs.map((input) => [input.path, input]));
  const changes: Change[] = [];
  for (const path of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const old = before.get(path);
    const now = after.get(path);
    if (old !== undefined && now !== undefined && old.digest === now.digest && old.kind === now.kind) continue;
    const step = producerOf(path);
    if (step !== undefined && old !== undefined && now !== undefined) changes.push({ kind: "upstream", path, step });
    else
      changes.push({
        kind: "input",
        path,
        change: old === undefined ? "added" : now === undefined ? "removed" : "changed",
      });
  }
  return changes;
}

function environments(from: KeyDocument, to: KeyDocument): Change[] {
  const changes: Change[] = [];
  if (from.image !== to.image) changes.push({ kind: "image", from: from.image, to: to.image });
  const old = from.environment;
  const now = to.environment;
  if (old?.kind !== now?.kind)
    changes.push({ kind: "environment", name: "environment", from: old?.kind ?? null, to: now?.kind ?? null });
  else if (old?.lock !== now?.lock)
    changes.push({ kind: "environment", name: "lock", from: old?.lock ?? null, to: now?.lock ?? null });
  for (const name of names(from.tools, to.tools)) {
    if (from.tools[name] !== to.tools[name])
      changes.push({ kind: "environment", name, from: from.tools[name] ?? null, to: to.tools[name] ?? null });
  }
  for (const name of names(from.env, to.env)) {
    if (from.env[name] !== to.env[name])
      changes.push({
        kind: "environment",
        name: `env.${name}`,
        from: from.env[name] ?? null,
        to: to.env[name] ?? null,
      });
  }
  return changes;
}

function plain(from: KeyDocument, to: KeyDocument): Change[] {
  const changes: Change[] = [];
  if (from.key !== to.key) changes.push({ kind: "key-version", from: from.key, to: to.key });
  type Plain = Exclude<Extract<Change, { from: string }>["kind"], "command">;
  const compare = (kind: Plain, old: Json, now: Json): void => {
    if (same(old, now)) return;
    changes.push({ kind, from: canonicalJson(old), to: canonicalJson(now) });
  };
  compare("salt", from.salt, to.salt);
  compare("executor", from.executor, to.executor);
  compare("platform", [from.platform, from.accelerator], [to.platform, to.accelerator]);
  compare("network", from.network, to.network);
  compare("secrets", [...from.secrets], [...to.secrets]);
  compare(
    "outputs",
    from.outputs.map(({ path, kind }) => [path, kind]),
    to.outputs.map(({ path, kind }) => [path, kind]),
  );
  compare("metrics", [...from.metrics], [...to.metrics]);
  compare("plots", [...from.plots], [...to.plots]);
  return changes;
}

function names(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): readonly string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return canonicalJson(a) === canonicalJson(b);
}
