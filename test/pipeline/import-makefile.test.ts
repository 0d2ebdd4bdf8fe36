import fc from "fast-check";
import { expect, test } from "vitest";

import { importMakefile } from "../../src/pipeline/import-makefile.ts";
import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";

const WORDS = [
  "a.txt",
  "a.csv",
  "/etc/x",
  "../up",
  ".git/x",
  "$(X)",
  "${{ params.x }}",
  "$$",
  "$@",
  "$^",
  "$",
  ":",
  "|",
  "=",
  "%",
  "X",
  " ",
  "-",
  "@",
  "#",
  "\\",
  "\u0000",
];

test("whatever a Makefile holds, the pipeline made of it parses without an error", () => {
  const line = fc.tuple(
    fc.constantFrom("", "\t", "\t-", "X = ", "a.txt: "),
    fc.array(fc.constantFrom(...WORDS), { maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const text = lines.map(([start, words]) => `${start}${words.join("")}`).join("\n");
      const { pipeline } = importMakefile(text, { has: () => true });
      const { problems } = parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode(pipeline) });
      // A Makefile without a rule to carry over gives a pipeline without steps, which is a problem of its own.
      const errors = problems.filter(({ severity }) => severity === "error" && pipeline.includes("run:"));
      expect(errors).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});

test("what a person lost is named by line, in the order of the file", () => {
  const { notCarried } = importMakefile("%.o: x\n\tcc\n/etc/x: y\n\ttouch $@\nout: a\n\t$(word 1,$^)\n", {
    has: () => true,
  });

  expect(notCarried.map(({ line, what, why }) => `${line} ${what}: ${why}`)).toEqual([
    "1 `%.o: x`: functions, patterns and directives are not carried over",
    "3 target `/etc/x`: it lies outside the repository",
    "5 target `out`: `$(word 1,$^)` means something to make alone",
  ]);
});

test("a recipe with several targets is one step, or one for each where it names the target", () => {
  const steps = (text: string): unknown =>
    parsedSteps(importMakefile(text, { has: (path) => path === "raw" }).pipeline);

  expect(steps("a.csv b.csv: raw\n\tsplit raw\nm: a.csv b.csv\n\tfit $^\n")).toEqual([
    ["a", ["raw"], ["a.csv", "b.csv"]],
    ["m", ["a.csv", "b.csv"], ["m"]],
  ]);
  expect(steps("a.csv b.csv: raw\n\tmake-one raw $@\n")).toEqual([
    ["a", ["raw"], ["a.csv"]],
    ["b", ["raw"], ["b.csv"]],
  ]);
  expect(steps("a.csv b.csv &: raw\n\tsplit raw\n")).toEqual([["a", ["raw"], ["a.csv", "b.csv"]]]);
});

function parsedSteps(pipeline: string): unknown {
  const { value } = parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode(pipeline) });
  return value?.steps.map(({ name, inputs, outputs }) => [
    name,
    inputs.map((input) => (input.kind === "path" ? input.path : input.kind)),
    outputs.map(({ path }) => path),
  ]);
}

test("each prerequisite that is dropped is named", () => {
  const text =
    ".PHONY: setup\nsetup:\n\tpip install x\nout: setup raw gone /etc/x out\n\ttouch $@\nout: later\na b &: raw\n\ttouch $@\nm: a\n\tfit a\n";
  const { notCarried } = importMakefile(text, { has: (path) => path === "raw" });

  expect(notCarried.map(({ line, what, why }) => `${line} ${what}: ${why}`)).toEqual([
    "2 target `setup`: it makes no file",
    "4 prerequisite `setup` of `out`: no step makes it",
    "4 prerequisite `gone` of `out`: nothing makes it, and there is no such file",
    "4 prerequisite `/etc/x` of `out`: it lies outside the repository",
    "6 prerequisite `later` of `out`: nothing makes it, and there is no such file",
    "7 target `a`, `b`: `$@` is whichever of them make was asked for",
    "9 prerequisite `a` of `m`: no step makes it",
  ]);
});

test("usual errands make no file whether `.PHONY` says so or not, unless their recipe names one", () => {
  const text = "clean:\n\trm -rf out\nout: a\n\tcp a out\nbuild: a\n\tcc a -o $@\ntest: out\n\tcmp a out\n";
  const { notCarried, pipeline } = importMakefile(text, { has: () => true });

  expect(notCarried.map(({ what, why }) => `${what}: ${why}`)).toEqual([
    "target `clean`: it makes no file",
    "target `test`: it makes no file",
  ]);
  expect(pipeline).not.toContain("rm -rf");
  expect(pipeline).toContain("cc a -o build");
});
