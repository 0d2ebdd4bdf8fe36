import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { APP_FILE, type BadVariable } from "../config-service.ts";
import type { JsonObject } from "../identity/canonical-json.ts";
import { EXIT, Refusal } from "./exit.ts";
import type { Service, World } from "./world.ts";

/** `sluice serve`: the controller, until it is stopped; with `--setup` the GitHub App is created instead. */
export async function serve(world: World, flags: { readonly setup?: boolean }): Promise<number> {
  if (flags.setup === true) return setUp(world);
  const read = await world.service.config();
  if (read.kind === "bad") throw notStarted("serve", read.variables);
  const service = await openService(world);
  return service.serve(read.config, world.terminal.interrupted);
}

/** The service's composition, or a refusal where this build has none. */
export async function openService(world: World): Promise<Service> {
  if (world.service.open === undefined) throw new Refusal(EXIT.usage, "this build has no service\n  next: sluice run");
  return world.service.open();
}

/** All variables that are missing or wrong, each with what was expected and an example. */
export function notStarted(command: string, variables: readonly BadVariable[]): Refusal {
  const list = variables.map(({ name, expected, example }) => `  ${name}: ${expected}\n    for example ${example}`);
  const count = variables.length === 1 ? "a variable is" : `${variables.length} variables are`;
  return new Refusal(EXIT.usage, `${command} does not start: ${count} missing or wrong\n${list.join("\n")}`);
}

async function setUp({ service, terminal }: World): Promise<number> {
  const read = await service.setupConfig();
  if (read.kind === "bad") throw notStarted("serve --setup", read.variables);
  const { config } = read;
  const file = join(config.data, APP_FILE);
  if (existsSync(file)) {
    throw new Refusal(EXIT.usage, `there is an App already, in ${file}\n  next: sluice serve, or move that file away`);
  }
  const { startSetup } = await import("../web/setup.ts");
  const { parse } = await import("yaml");
  const manifest = parse(readFileSync(manifestFile(), "utf8")) as JsonObject;
  const { listenRefusal } = await import("../web/listen-refusal.ts");
  const setup = await startSetup(config, { manifest, stop: terminal.interrupted }).catch((error: unknown) => {
    const refusal = listenRefusal(error, config);
    throw refusal === undefined ? error : new Refusal(EXIT.later, `${refusal.why}\n  next: ${refusal.next}`);
  });
  terminal.say(`open ${setup.url} in a browser on this machine; Ctrl-C stops\n`);
  const end = await setup.end;
  if (end.kind === "stopped") return EXIT.interrupted;
  const install = end.page === null ? "install the App" : `install the App at ${end.page}`;
  terminal.print(`App ${end.app} is created; its key and secret are kept in ${config.data}\n`);
  terminal.print(`  next: ${install}, then SLUICE_DATA='${config.data}' sluice serve\n`);
  return EXIT.fine;
}

/** `app.yml` stands at the root of the installation, above the sources and above the bundle. */
function manifestFile(): string {
  for (let at = import.meta.dirname; ; at = dirname(at)) {
    const path = join(at, "app.yml");
    if (existsSync(path)) return path;
    if (dirname(at) === at) throw new Error("app.yml is missing from this installation");
  }
}
