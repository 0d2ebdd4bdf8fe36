import { counted } from "../report/words.ts";
import { formatBytes } from "../report/bytes.ts";
import type { Check } from "../report/doctor-text.ts";
import { isError } from "../problem/problem.ts";
import { EXIT, Refusal } from "./exit.ts";
import { paintOf } from "./history.ts";
import { openRepository } from "./open-repository.ts";
import { openSession, planSession, PLAIN_REQUEST } from "./session.ts";
import { ledgersOf } from "./select-run.ts";
import { stuckText } from "./stuck.ts";
import type { Ledger, Repository, World } from "./world.ts";

const WEEK = 7 * 86_400_000;

/** `sluice gc`: removes bytes that no recorded run within the retention names. */
export async function gc(world: World, flags: { readonly dryRun?: boolean; readonly all?: boolean }): Promise<number> {
  const { repository, project } = await openSession(world);
  const lock = repository.accepted.lock();
  if (lock.kind === "held")
    throw new Refusal(EXIT.later, `a run is going on here (process ${lock.pid})\n  next: sluice gc when it has ended`);
  try {
    const history = await repository.history();
    const now = world.clock.now();
    const floor = now - (flags.all === true ? 0 : WEEK);
    const keepSince = now - project.settings.retention.artifactsMs;
    const held = await history.held(keepSince);
    if (held.kind === "unreadable")
      throw new Refusal(
        EXIT.later,
        `nothing is removed: run ${held.run} is recorded in a way that this version cannot read\n  next: sluice verify ${held.run}`,
      );
    const collected = await repository.collect(project.settings, {
      live: held.digests,
      runs: new Set(repository.accepted.list().map((run) => run.id)),
      olderThan: floor,
    });
    world.terminal.print(
      `removed ${collected.objects} objects (${formatBytes(collected.bytes)}) and ${collected.results} results\n`,
    );
    if (collected.stuck.length === 0) return EXIT.fine;
    world.terminal.say(stuckText(collected.stuck));
    return EXIT.bad;
  } finally {
    lock.release();
  }
}

/** `sluice cache rebuild`: every derived file anew from the ledger and the store. */
export async function rebuildCache(world: World): Promise<number> {
  const repository = await openRepository(world);
  repository.dropCaches();
  const fresh = await openRepository(world);
  world.terminal.print(`index rebuilt from the ledger: ${await recordedRuns(fresh)}\n`);
  return EXIT.fine;
}

/** Of each ledger by its name, where this clone follows a service's beside its own. */
async function recordedRuns(repository: Repository): Promise<string> {
  const ledgers = await ledgersOf(repository);
  const count = ({ history }: Ledger): string => counted(history.runs({}).length, "run");
  const [only] = ledgers;
  if (ledgers.length === 1 && only !== undefined) return count(only);
  return ledgers.map((ledger) => `${count(ledger)} in ${ledger.ref}`).join(", ");
}

/** `sluice doctor`: looks at everything and says what to do. */
export async function doctor(world: World, flags: { readonly json?: boolean }): Promise<number> {
  const checks: Check[] = [...(await machineChecks(world))];
  const opened = await world.openRepository();
  if (opened.kind === "refused")
    checks.push({ name: "repository", state: "broken", found: opened.why, next: `\`${opened.next}\`` });
  else checks.push(...(await repositoryChecks(world)));
  const { doctorText, doctorJson } = await import("../report/doctor-text.ts");
  world.terminal.print(flags.json === true ? doctorJson(checks) : doctorText(checks, paintOf(world)));
  return checks.some((check) => check.state === "broken") ? EXIT.bad : EXIT.fine;
}

async function machineChecks(world: World): Promise<readonly Check[]> {
  const node = process.versions.node;
  return [
    {
      name: "node",
      state: Number(node.split(".")[0]) >= 24 ? "fine" : "broken",
      found: node,
      next: "`npm ci` brings Node 24",
    },
    {
      name: "platform",
      state: process.platform === "win32" ? "broken" : "fine",
      found: world.config.platform,
      next: "use Linux or macOS",
    },
  ];
}

function memoryCheck(why: string | null): Check {
  return {
    name: "memory limits",
    state: why === null ? "fine" : "warning",
    found:
      why === null ? "`resources.memory` is enforced by the kernel" : `\`resources.memory\` is not enforced: ${why}`,
    next: "`systemd-run --user --scope sluice run`, where systemd is; steps are still admitted by what they ask for",
  };
}

async function repositoryChecks(world: World): Promise<readonly Check[]> {
  const session = await openSession(world);
  const { repository, project } = session;
  const store = await repository.store(project.settings);
  const planned = await planSession(session, store, PLAIN_REQUEST);
  const errors = [...project.problems, ...planned.flatMap((one) => one.problems)].filter(isError).length;
  const here = await repository.isolation(project.settings);
  const isolation: Check =
    here.kind === "refused"
      ? { name: "isolation", state: "broken", found: here.why, next: "`apt install bubblewrap`" }
      : {
          name: "isolation",
          state: here.isolation === "workspace" ? "warning" : "fine",
          found: here.why,
          next: `${project.settings.sandbox === "off" ? "take `sandbox: off` out of sluice.yaml" : "`apt install bubblewrap`"}, so that an undeclared read fails`,
        };
  const left = repository.accepted.list().length;
  return [
    {
      name: "git",
      state: repository.git.adapter === "native" ? "fine" : "warning",
      found:
        repository.git.adapter === "native"
          ? "the git binary"
          : "no git binary: reading through isomorphic-git, which is slower",
      next: "`apt install git`",
    },
    {
      name: "history",
      state: repository.shallow ? "warning" : "fine",
      found: repository.shallow
        ? "a shallow clone: runs recorded here name the repository by another commit than other clones do"
        : "complete",
      next: "`git fetch --unshallow`",
    },
    {
      name: "pipelines",
      state: errors > 0 ? "broken" : project.pipelines.length === 0 ? "warning" : "fine",
      found: errors > 0 ? counted(errors, "problem") : `${project.pipelines.length} without problems`,
      next: errors > 0 ? "`sluice validate`" : "`sluice init`",
    },
    isolation,
    memoryCheck(await repository.unlimitedMemory()),
    { name: "ledger", state: "fine", found: `${await recordedRuns(repository)} recorded`, next: null },
    {
      name: "interrupted runs",
      state: left > 0 ? "warning" : "fine",
      found: left === 0 ? "none" : `${left}`,
      next: "`sluice run` carries them on",
    },
  ];
}
