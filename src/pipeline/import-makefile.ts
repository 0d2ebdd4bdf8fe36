import type { NotCarried } from "./dvc-entries.ts";
import { refusePath } from "./path-problem.ts";
import { renderPipeline, type Imported } from "./import-dvc.ts";

interface Rule {
  readonly target: string;
  readonly dependencies: readonly string[];
  readonly recipe: readonly string[];
  readonly line: number;
  /** Why its recipe means something to make alone. */
  unknown: string | undefined;
}

/** Converts the plain rules of a Makefile: a target that is a file, its dependencies, its recipe. */
export function importMakefile(text: string, files: { readonly has: (path: string) => boolean }): Imported {
  const notCarried: NotCarried[] = [];
  const rules = rulesOf(text, notCarried);
  const targets = new Set(rules.map((rule) => rule.target));
  const phony = new Set([...text.matchAll(/^\.PHONY:\s*(.+)$/gm)].flatMap((match) => (match[1] ?? "").split(/\s+/)));
  const steps: Record<string, unknown> = {};
  for (const rule of rules) {
    if (rule.recipe.length === 0) continue;
    const lost = phony.has(rule.target) || isErrand(rule) ? "it makes no file" : (rule.unknown ?? unfit(rule));
    if (lost !== undefined) {
      notCarried.push({ what: `target \`${rule.target}\``, why: lost, line: rule.line });
      continue;
    }
    const more = rules.filter((one) => one.target === rule.target && one.recipe.length === 0);
    const dependencies = [...new Set([...rule.dependencies, ...more.flatMap((one) => one.dependencies)])];
    const inputs = dependencies.filter(
      (path) => path !== rule.target && refusePath(path) === undefined && (targets.has(path) || files.has(path)),
    );
    const run = rule.recipe.map(shellLine).join("\n");
    steps[nameOf(rule.target, steps)] = {
      run,
      ...(inputs.length === 0 ? {} : { inputs }),
      outputs: [rule.target],
    };
  }
  return { pipeline: renderPipeline({ version: 1, steps }), notCarried: notCarried.sort((a, b) => a.line - b.line) };
}

/** Names that stand for something to do, whether `.PHONY` says so or not (GNU Coding Standards §7.2.6, and what is usual). */
const ERRANDS: ReadonlySet<string> = new Set(
  "all build check clean cleanall deploy dist distclean docs fmt format help install lint mostlyclean publish release run serve setup start stop test tests uninstall".split(
    " ",
  ),
);

/** Whether a rule does something beside the files that it is made of: a file of that name would be in its recipe. */
function isErrand({ target, recipe }: Rule): boolean {
  return ERRANDS.has(target) && !recipe.some((line) => line.split(/[^\w.-]+/).includes(target));
}

function unfit({ target, recipe }: Rule): string | undefined {
  if (refusePath(target) !== undefined) return "it lies outside the repository";
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
  rule?: Pick<Rule, "target" | "dependencies">,
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

function rulesOf(text: string, notCarried: NotCarried[]): readonly Rule[] {
  const rules: Rule[] = [];
  const variables = new Map<string, string>();
  let open: { rule: Rule; recipe: string[] } | undefined;
  text.split("\n").forEach((raw, at) => {
    const line = at + 1;
    if (raw.startsWith("\t")) {
      if (open === undefined) return;
      const { text: command, unknown } = expand(raw.slice(1), variables, open.rule);
      open.recipe.push(command);
      if (unknown !== undefined) open.rule.unknown ??= `\`${unknown}\` means something to make alone`;
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
    const head = expand(raw, variables);
    const rule = /^([^:=\s%$]+)\s*:(?!=)\s*([^=%$]*)$/.exec(head.text);
    if (rule?.[1] === undefined) {
      notCarried.push({
        what: `\`${raw.trim().slice(0, 60)}\``,
        why: "functions, patterns, several targets and directives are not carried over",
        line,
      });
      return;
    }
    // What stands behind `|` must be there and changes nothing: parents of outputs are made anyway.
    const [normal = ""] = (rule[2] ?? "").split("|");
    const recipe: string[] = [];
    const made: Rule = {
      target: rule[1],
      dependencies: normal.split(/\s+/).filter((word) => word !== ""),
      recipe,
      line,
      unknown: undefined,
    };
    rules.push(made);
    open = { rule: made, recipe };
  });
  return rules;
}
