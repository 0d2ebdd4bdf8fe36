import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { commit, outputOf, sourceOf, writeSources, type Layered } from "./layered.ts";

/** A build tool that runs the same graph: `write` puts it into a directory, `command` runs it there on two slots. */
export interface Rival {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  write(directory: string, graph: Layered): void;
}

/** Versions that are measured; a newer one is another figure. */
const NPM = { nx: "24.0.6", "@moonrepo/cli": "2.5.5", turbo: "2.11.11" } as const;
const DEBIAN = { ninja: "ninja-build", make: "make", snakemake: "snakemake" } as const;

/** Installs what is missing where that is possible, and names on stderr what had to be left out. */
export function installRivals(directory: string, names: readonly string[]): ReadonlyMap<string, Rival> {
  const debian = Object.entries(DEBIAN).filter(([name]) => names.includes(name) && !isInstalled(name));
  if (debian.length > 0 && process.getuid?.() === 0 && isInstalled("apt-get"))
    attempt("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...debian.map(([, pack]) => pack)]);
  const npm = Object.entries(NPM).filter(([name]) => names.includes(binOf(name)));
  if (npm.length > 0) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "package.json"), '{"private":true}');
    const packages = npm.map(([name, version]) => `${name}@${version}`);
    attempt("npm", ["install", "--no-audit", "--no-fund", "--silent", "--prefix", directory, ...packages]);
  }
  const found = new Map<string, Rival>();
  for (const rival of rivals(join(directory, "node_modules"))) {
    if (!names.includes(rival.name)) continue;
    const [program = ""] = rival.command;
    if (program.includes("/") ? existsSync(program) : isInstalled(program)) found.set(rival.name, rival);
    else process.stderr.write(`left out: ${rival.name} could not be installed\n`);
  }
  return found;
}

function binOf(pack: string): string {
  return pack === "@moonrepo/cli" ? "moon" : pack;
}

function isInstalled(program: string): boolean {
  return attempt("sh", ["-c", `command -v ${program}`]);
}

function attempt(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function rivals(modules: string): readonly Rival[] {
  const bin = (name: string): string => join(modules, ".bin", name);
  return [
    { name: "ninja", command: ["ninja", "-j2"], write: writeNinja },
    { name: "make", command: ["make", "-s", "-j2"], write: writeMake },
    { name: "snakemake", command: ["snakemake", "-q", "-j2", "--rerun-triggers", "mtime"], write: writeSnakemake },
    {
      name: "nx",
      command: [bin("nx"), "run", "bench:all", "--parallel=2", "--outputStyle=static"],
      env: { NX_DAEMON: "false", NX_NO_CLOUD: "true", NX_TUI: "false" },
      write: (directory, graph) => writeNx(directory, graph, modules),
    },
    {
      name: "moon",
      command: [bin("moon"), "run", "bench:all", "--concurrency", "2", "--quiet"],
      env: { MOON_TOOLCHAIN_FORCE_GLOBALS: "true", CI: "" },
      write: writeMoon,
    },
    {
      name: "turbo",
      command: [bin("turbo"), "run", "all", "--concurrency=2", "--output-logs=errors-only", "--no-update-notifier"],
      env: { TURBO_TELEMETRY_DISABLED: "1" },
      write: writeTurbo,
    },
  ];
}

interface Cell {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** The step above, null in the first layer. */
  readonly above: string | null;
}

function cells(graph: Layered): readonly Cell[] {
  const all: Cell[] = [];
  for (let layer = 0; layer < graph.layers; layer++) {
    for (let column = 0; column < graph.width; column++) {
      const first = layer === 0;
      all.push({
        name: `s${layer}-${column}`,
        from: first ? sourceOf(column) : outputOf(layer - 1, column),
        to: outputOf(layer, column),
        above: first ? null : `s${layer - 1}-${column}`,
      });
    }
  }
  return all;
}

function lastLayer(graph: Layered): readonly Cell[] {
  return cells(graph).slice(-graph.width);
}

function writeNinja(directory: string, graph: Layered): void {
  writeSources(directory, graph);
  const builds = cells(graph).map(({ from, to }) => `build ${to}: cp ${from}`);
  writeFileSync(join(directory, "build.ninja"), ["rule cp", "  command = cp $in $out", ...builds, ""].join("\n"));
}

function makeOutputs(directory: string, graph: Layered): void {
  for (let layer = 0; layer < graph.layers; layer++) mkdirSync(join(directory, `out/l${layer}`), { recursive: true });
}

function writeMake(directory: string, graph: Layered): void {
  writeSources(directory, graph);
  makeOutputs(directory, graph);
  const all = `all: ${lastLayer(graph)
    .map(({ to }) => to)
    .join(" ")}`;
  const rules = cells(graph).map(({ from, to }) => `${to}: ${from}\n\tcp ${from} ${to}`);
  writeFileSync(join(directory, "Makefile"), [all, ...rules, ""].join("\n"));
}

function writeSnakemake(directory: string, graph: Layered): void {
  writeSources(directory, graph);
  const wanted = lastLayer(graph).map(({ to }) => JSON.stringify(to));
  const rules = cells(graph).map(
    ({ name, from, to }) =>
      `rule ${name.replace("-", "_")}:\n    input: "${from}"\n    output: "${to}"\n    shell: "cp {input} {output}"`,
  );
  writeFileSync(join(directory, "Snakefile"), [`rule all:\n    input: ${wanted.join(", ")}`, ...rules, ""].join("\n"));
}

function writeNx(directory: string, graph: Layered, modules: string): void {
  writeSources(directory, graph);
  makeOutputs(directory, graph);
  const target = ({ from, to, above }: Cell): object => ({
    executor: "nx:run-commands",
    cache: true,
    inputs: above === null ? [`{workspaceRoot}/${from}`] : [{ dependentTasksOutputFiles: to.replace(/l\d+/, "l*") }],
    outputs: [`{workspaceRoot}/${to}`],
    ...(above === null ? {} : { dependsOn: [above] }),
    options: { command: `cp ${from} ${to}` },
  });
  const targets = Object.fromEntries(cells(graph).map((cell) => [cell.name, target(cell)]));
  const all = { executor: "nx:noop", dependsOn: lastLayer(graph).map(({ name }) => name) };
  writeJson(directory, "project.json", { name: "bench", targets: { ...targets, all } });
  writeJson(directory, "nx.json", { neverConnectToCloud: true, analytics: false });
  writeJson(directory, "package.json", { name: "bench", private: true, devDependencies: { nx: NPM.nx } });
  symlinkSync(modules, join(directory, "node_modules"));
  writeFileSync(join(directory, ".gitignore"), "node_modules\n.nx\nout\n");
  commit(directory);
}

function writeMoon(directory: string, graph: Layered): void {
  writeSources(directory, graph);
  makeOutputs(directory, graph);
  const task = ({ name, from, to, above }: Cell): string =>
    [
      `  ${name}:`,
      `    command: 'cp ${from} ${to}'`,
      `    inputs: ['${from}']`,
      `    outputs: ['${to}']`,
      ...(above === null ? [] : [`    deps: ['~:${above}']`]),
    ].join("\n");
  const last = lastLayer(graph).map(({ name }) => `'~:${name}'`);
  const all = ["  all:", "    command: noop", `    deps: [${last.join(", ")}]`].join("\n");
  writeFileSync(join(directory, "moon.yml"), ["tasks:", ...cells(graph).map(task), all, ""].join("\n"));
  mkdirSync(join(directory, ".moon"));
  writeFileSync(join(directory, ".moon", "workspace.yml"), "projects:\n  bench: '.'\ntelemetry: false\n");
  writeFileSync(join(directory, ".gitignore"), ".moon/cache\nout\n");
  commit(directory);
}

function writeTurbo(directory: string, graph: Layered): void {
  writeSources(directory, graph);
  makeOutputs(directory, graph);
  const scripts = Object.fromEntries(cells(graph).map(({ name, from, to }) => [name, `cp ${from} ${to}`]));
  const tasks = Object.fromEntries(
    cells(graph).map(({ name, from, to, above }) => [
      name,
      { inputs: [from], outputs: [to], ...(above === null ? {} : { dependsOn: [above] }) },
    ]),
  );
  const all = { dependsOn: lastLayer(graph).map(({ name }) => name) };
  writeJson(directory, "turbo.json", { tasks: { ...tasks, all } });
  writeJson(directory, "package.json", {
    name: "bench",
    private: true,
    packageManager: "npm@10.9.0",
    workspaces: [],
    scripts: { ...scripts, all: "true" },
  });
  writeJson(directory, "package-lock.json", { name: "bench", lockfileVersion: 3, packages: { "": { name: "bench" } } });
  writeFileSync(join(directory, ".gitignore"), "node_modules\n.turbo\nout\n");
  commit(directory);
}

function writeJson(directory: string, name: string, value: object): void {
  writeFileSync(join(directory, name), `${JSON.stringify(value, null, 1)}\n`);
}
