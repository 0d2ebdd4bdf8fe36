import { rolldown, type RolldownOutput } from "rolldown";
import { expect, test } from "vitest";

import configs from "../rolldown.config.ts";

/** The first circle of static imports that can be reached from a chunk. */
function circleFrom(
  chunk: string,
  imports: ReadonlyMap<string, readonly string[]>,
  { path = [], done = new Set() }: { readonly path?: readonly string[]; readonly done?: Set<string> } = {},
): readonly string[] | undefined {
  if (path.includes(chunk)) return [...path.slice(path.indexOf(chunk)), chunk];
  if (done.has(chunk)) return undefined;
  for (const next of imports.get(chunk) ?? []) {
    const circle = circleFrom(next, imports, { path: [...path, chunk], done });
    if (circle !== undefined) return circle;
  }
  done.add(chunk);
  return undefined;
}

/** The command line's bundle, made once. */
async function bundle(): Promise<RolldownOutput> {
  const [commandLine] = configs;
  if (commandLine === undefined || Array.isArray(commandLine.output)) throw new Error("one output is configured");
  const bundled = await rolldown({ ...commandLine, logLevel: "silent" });
  try {
    return await bundled.generate(commandLine.output);
  } finally {
    await bundled.close();
  }
}
const bundled = bundle();

test("a circle of chunks is found", () => {
  const imports = new Map([
    ["a", ["b"]],
    ["b", ["c"]],
    ["c", ["b"]],
  ]);
  expect(circleFrom("a", imports)).toEqual(["b", "c", "b"]);
});

// A chunk of a circle may run before what it needs: which one depends on what is asked for first.
test("no chunk of the command line imports itself by way of others", async () => {
  const { output } = await bundled;
  const imports = new Map(
    output.flatMap((one) => (one.type === "chunk" ? [[one.fileName, one.imports] as const] : [])),
  );
  expect(imports.size).toBeGreaterThan(20);
  for (const chunk of imports.keys()) expect(circleFrom(chunk, imports)).toBeUndefined();
});

// An `import` of a builtin costs more than a command with nothing to do; what is deferred must be callable and nothing else.
test("builtins are asked of the process, and those that are deferred are functions", async () => {
  const { output } = await bundled;
  const always = output.find((one) => one.type === "chunk" && one.name === "always");
  if (always?.type !== "chunk") throw new Error("the chunk of what every command needs is there");
  expect(always.code).not.toMatch(/^import .* from "node:/m);
  expect(always.imports.filter((one) => !one.startsWith("node:"))).toEqual([]);
  const deferred = output.flatMap((one) =>
    one.type === "chunk"
      ? [
          ...one.code.matchAll(
            /^let [\w$]+ = \(\.\.\.args\) => \([\w$]+ = process\.getBuiltinModule\("([^"]+)"\)\.(\w+)\)\(/gm,
          ),
        ]
      : [],
  );
  expect(deferred.length).toBeGreaterThan(3);
  for (const [, module, name] of deferred)
    expect(typeof (process.getBuiltinModule(module ?? "") as Record<string, unknown>)[name ?? ""]).toBe("function");
});

test("a run with work loads no library that only others need", async () => {
  const { output } = await bundled;
  const work = output.find((one) => one.type === "chunk" && one.name === "work");
  if (work?.type !== "chunk") throw new Error("the chunk of a run with work is there");
  expect(work.moduleIds.some((id) => id.endsWith("/src/pipeline/resolve.ts"))).toBe(true);
  expect(work.moduleIds.filter((id) => id.includes("/node_modules/"))).toEqual([]);
});
