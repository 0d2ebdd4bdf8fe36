import type { NotCarried } from "./dvc-entries.ts";
import { refusePath } from "./path-problem.ts";
import { renderPipeline, type Imported } from "./import-dvc.ts";

interface Rule {
  /** Several are made by one recipe that names none of them by `$@`. */
  readonly targets: readonly [string, ...string[]];
  readonly dependencies: readonly string[];
  readonly recipe: readonly string[];
  readonly line: number;
  /** Why its recipe means something to make alone. */
  readonly unknown: string | undefined;
}

/** Converts the plain rules of a Makefile: targets that are files, their dependencies, their recipe. */
export function importMakefile(text: string, files: { readonly has: (path: string) => boolean }): Imported {
  const notCarried: NotCarried[] = [];
  const rules = rulesOf(text, notCarried);
  const phony = new Set([...text.matchAll(/^\.PHONY:\s*(.+)$/gm)].flatMap((match) => (match[1] ?? "").split(/\s+/)));
  const carried = rules.filter((rule) => {
    if (rule.recipe.length === 0) return false;
    const noFile = rule.targets.some((target) => phony.has(target)) || isErrand(rule);
    const lost = noFile ? "it makes no file" : (rule.unknown ?? unfit(rule));
    if (lost !== undefined) notCarried.push({ what: `target ${named(rule.targets)}`, why: lost, line: rule.line });
    return lost === undefined;
  });
  const made = new Set(carried.flatMap((rule) => rule.targets));
  const known = new Set(rules.flatMap((rule) => rule.targets));
  const steps: Record<string, unknown> = {};
  for (const rule of carried) {
    const inputs: string[] = [];
    for (const { path, line } of dependenciesOf(rule, rules)) {
      const why = refusePath(path) === undefined ? undefined : "it lies outside the repository";
      if (why === undefined && (made.has(path) || files.has(path))) inputs.push(path);
      else
        notCarried.push({
          what: `prerequisite \`${path}\` of ${named(rule.targets)}`,
          why: why ?? (known.has(path) ? "no step makes it" : "nothing makes it, and there is no such file"),
          line,
        });
    }
    const run = rule.recipe.map(shellLine).join("\n");
    steps[nameOf(rule.targets[0], steps)] = {
      run,
      ...(inputs.length === 0 ? {} : { inputs }),
      outputs: rule.targets,
    };
  }
  return { pipeline: renderPipeline({ version: 1, steps }), notCarried: notCarried.sort((a, b) => a.line - b.line) };
}

/** What a rule names and what rules without a recipe add, each once. */
function dependenciesOf(
  rule: Rule,
  rules: readonly Rule[],
): Iterable<{ readonly path: string; readonly line: number }> {
  const found = new Map<string, { path: string; line: number }>();
  for (const one of rules) {
    if (one !== rule && (one.recipe.length > 0 || !one.targets.some((target) => rule.targets.includes(target))))
      continue;
    for (const path of one.dependencies)
      if (!rule.targets.includes(path) && (one === rule || !found.has(path))) found.set(path, { path, line: one.line });
  }
  return [...found.values()].toSorted((a, b) => Number(b.line === rule.line) - Number(a.line === rule.line));
}

function named(targets: Rule["targets"]): string {
  return targets.map((target) => `\`${target}\``).join(", ");
}

/** Names that stand for something to do, whether `.PHONY` says so or not (GNU Coding Standards §7.2.6, and what is usual). */
const ERRANDS: ReadonlySet<string> = new Set(
  "all build check clean cleanall deploy dist distclean docs fmt format help install lint mostlyclean publish release run serve setup start stop test tests uninstall".split(
    " ",
  ),
);

/** Whether a rule does something beside the files that it is made of: a file of that name would be in its recipe. */
function isErrand({ targets, recipe }: Rule): boolean {
  const words = new Set(recipe.flatMap((line) => line.split(/[^\w.-]+/)));
  return targets.some((target) => ERRANDS.has(target) && !words.has(target));
}

function unfit({ targets, recipe }: Rule): string | undefined {
  if (targets.some((target) => refusePath(target) !== undefined)) return "it lies outside the repository";
  return recipe.some((line) => line.includes("${{") || line.includes("\0")) ||
    recipe.every((line) => shellLine(line).trim() === "")
    ? "its recipe cannot be a command of a step"
    : undefined;
}

/** A name of the target's own, without its ending where another has not taken that. */
function nameOf(target: string, taken: Readonly<Record<string, unknown>>): string {
  const plain = (text: string): string => text.replaceAll(/[^A-Za-z0-9_-]/g, "-").replace(/^-+/, "") || "step";
  const candidates = [plain(target.replace(/\.[^./]+$/, "")), plain(target)];
  for (let nth = 2; ; nth++) {
    const free = candidates.find((candidate) => !Object.hasOwn(taken, candidate));
    if (free !== undefined) return free;
    candidates.push(`${plain(target)}-${nth}`);
  }
}

/** `@` says nothing to a shell; after `-` a failure does not matter. */
function shellLine(line: string): string {
  const [, marks = "", command = line] = /^([@+-]*)\s*(.*)$/s.exec(line) ?? [];
  return marks.includes("-") ? `${command} || true` : command;
}

interface Expanded {
  readonly text: string;
  /** The first thing that only make knows. */
  readonly unknown: string | undefined;
}

/** `$@`, `$<`, `$^`, `$(NAME)` of a plain variable become what they stand for; `$$` is one dollar. */
function expand(
  line: string,
  variables: ReadonlyMap<string, string>,
  rule?: { readonly target: string; readonly dependencies: readonly string[] },
): Expanded {
  let unknown: string | undefined;
  const text = line.replaceAll(
    /\$(\$|\(([^()]*)\)|\{([^{}]*)\}|.|$)/g,
    (whole, mark: string, round?: string, curly?: string) => {
      if (mark === "$") return "$";
      const name = round ?? curly ?? mark;
      const automatic = { "@": rule?.target, "<": rule?.dependencies[0] ?? "", "^": rule?.dependencies.join(" ") };
      const value = rule !== undefined && name in automatic ? automatic[name as "@"] : variables.get(name);
      if (value === undefined) unknown ??= whole;
      return value ?? whole;
    },
  );
  return { text, unknown };
}

/** A rule while its recipe is read: what each of its targets would make of it. */
interface Open {
  readonly targets: readonly { readonly target: string; readonly recipe: string[] }[];
  readonly dependencies: readonly string[];
  /** `a b &: c`: one call makes all of them. */
  readonly grouped: boolean;
  readonly line: number;
  unknown: string | undefined;
}

function rulesOf(text: string, notCarried: NotCarried[]): readonly Rule[] {
  const read: Open[] = [];
  const variables = new Map<string, string>();
  let open: Open | undefined;
  text.split("\n").forEach((raw, at) => {
    const line = at + 1;
    if (raw.startsWith("\t")) {
      if (open !== undefined) readRecipe(open, raw.slice(1), variables);
      return;
    }
    if (/^\s*(#.*)?$/.test(raw) || raw.startsWith(".")) return;
    open = undefined;
    const variable = /^([A-Za-z_]\w*)\s*(?:::?|\?)?=\s*(.*?)\s*$/.exec(raw);
    const value = variable === null ? undefined : expand(variable[2] ?? "", variables);
    if (variable?.[1] !== undefined && value?.unknown === undefined) {
      variables.set(variable[1], value?.text ?? "");
      return;
    }
    open = headOf(expand(raw, variables).text, line);
    if (open !== undefined) read.push(open);
    else
      notCarried.push({
        what: `\`${raw.trim().slice(0, 60)}\``,
        why: "functions, patterns and directives are not carried over",
        line,
      });
  });
  return read.flatMap(closed);
}

function headOf(text: string, line: number): Open | undefined {
  const rule = /^([^:=%$&]+?)\s*(&?):(?!=)\s*([^=%$]*)$/.exec(text);
  const targets = new Set(wordsOf(rule?.[1] ?? ""));
  if (targets.size === 0) return undefined;
  // What stands behind `|` must be there and changes nothing: parents of outputs are made anyway.
  const [normal = ""] = (rule?.[3] ?? "").split("|");
  return {
    targets: Array.from(targets, (target) => ({ target, recipe: [] })),
    dependencies: wordsOf(normal),
    grouped: rule?.[2] === "&",
    line,
    unknown: undefined,
  };
}

function readRecipe(open: Open, line: string, variables: ReadonlyMap<string, string>): void {
  for (const { target, recipe } of open.targets) {
    const { text, unknown } = expand(line, variables, { target, dependencies: open.dependencies });
    recipe.push(text);
    if (unknown !== undefined) open.unknown ??= `\`${unknown}\` means something to make alone`;
  }
}

/** One rule where its recipe is the same for all targets, else one for each, as make calls it. */
function closed({ targets, dependencies, grouped, line, unknown }: Open): readonly Rule[] {
  const [first, ...more] = targets;
  if (first === undefined) return [];
  const rule = { dependencies, line, unknown };
  const same = more.every(({ recipe }) => recipe.join("\n") === first.recipe.join("\n"));
  if (!same && !grouped) return targets.map(({ target, recipe }) => ({ ...rule, targets: [target], recipe }));
  const all: Rule["targets"] = [first.target, ...more.map(({ target }) => target)];
  const which = same ? undefined : "`$@` is whichever of them make was asked for";
  return [{ ...rule, targets: all, recipe: first.recipe, unknown: unknown ?? which }];
}

function wordsOf(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
