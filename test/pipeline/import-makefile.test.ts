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
    "1 `%.o: x`: functions, patterns, several targets and directives are not carried over",
    "3 target `/etc/x`: it lies outside the repository",
    "5 target `out`: `$(word 1,$^)` means something to make alone",
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
