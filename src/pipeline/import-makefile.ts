import type { NotCarried } from "./dvc-entries.ts";
import { renderPipeline, type Imported } from "./import-dvc.ts";

interface Rule {
  readonly target: string;
  readonly dependencies: readonly string[];
  readonly recipe: readonly string[];
  readonly line: number;
}

/** Converts the plain rules of a Makefile: a target that is a file, its dependencies, its recipe. */
export function importMakefile(text: string, files: { readonly has: (path: string) => boolean }): Imported {
  const notCarried: NotCarried[] = [];
  const rules = rulesOf(text, notCarried);
  const targets = new Set(rules.map((rule) => rule.target));
  const phony = new Set([...text.matchAll(/^\.PHONY:\s*(.+)$/gm)].flatMap((match) => (match[1] ?? "").split(/\s+/)));
  const steps: Record<string, unknown> = {};
  for (const rule of rules) {
    if (phony.has(rule.target) || rule.recipe.length === 0) {
      if (rule.recipe.length > 0)
        notCarried.push({ what: `target \`${rule.target}\``, why: "it makes no file", line: rule.line });
      continue;
    }
    const inputs = rule.dependencies.filter((dependency) => targets.has(dependency) || files.has(dependency));
    const name =
      rule.target
        .replace(/\.[^./]+$/, "")
        .replaceAll(/[^A-Za-z0-9_-]/g, "-")
        .replace(/^-+/, "") || "step";
    const run = rule.recipe.map((line) => automatic(line.replace(/^[@-]+/, ""), rule)).join("\n");
    steps[name] = { run, ...(inputs.length === 0 ? {} : { inputs }), outputs: [rule.target] };
  }
  return { pipeline: renderPipeline({ version: 1, steps }), notCarried };
}

/** `$@`, `$<`, `$^` become what they stand for; `$$` is one dollar. */
function automatic(line: string, rule: Rule): string {
  return line
    .replaceAll("$@", rule.target)
    .replaceAll("$<", rule.dependencies[0] ?? "")
    .replaceAll("$^", rule.dependencies.join(" "))
    .replaceAll("$$", "$");
}

function rulesOf(text: string, notCarried: NotCarried[]): readonly Rule[] {
  const rules: Rule[] = [];
  let recipe: string[] | undefined;
  text.split("\n").forEach((raw, at) => {
    const line = at + 1;
    if (raw.startsWith("\t")) {
      recipe?.push(raw.slice(1));
      return;
    }
    if (/^\s*(#.*)?$/.test(raw) || raw.startsWith(".")) return;
    recipe = undefined;
    const rule = /^([^:=\s%$]+)\s*:(?!=)\s*([^=%$]*)$/.exec(raw);
    if (rule?.[1] === undefined) {
      notCarried.push({
        what: `\`${raw.trim().slice(0, 60)}\``,
        why: "variables, patterns and directives are not carried over",
        line,
      });
      return;
    }
    recipe = [];
    rules.push({
      target: rule[1],
      dependencies: (rule[2] ?? "")
        .trim()
        .split(/\s+/)
        .filter((word) => word !== "" && word !== "|"),
      recipe,
      line,
    });
  });
  return rules;
}
