import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { faketimeLibrary, startClocks, type Clocks } from "./clocks.ts";
import { CONTROLLERS, WORKERS, type FaultKind } from "./fault.ts";
import { startForge, type ForgeClient } from "./forge-client.ts";
import { installHooks, type Hooks } from "./hooks.ts";
import { startNet, type Net } from "./net.ts";
import { freePort, startQueueServer, type QueueKind, type QueueServer } from "./queue-server.ts";
import { repositoryFiles, watchSteps, type StepWatch } from "./steps.ts";
import { smallDisk, type SmallDisk } from "./small-disk.ts";
import { supervise, type Supervised } from "./supervised.ts";
import { holdsWithin } from "./until.ts";

const BIN = join(import.meta.dirname, "../../bin/sluice");

/** A whole service of real processes: forge, queue, controllers and workers, each of which can be killed alone. */
export interface Town {
  readonly directory: string;
  /** SLUICE_DATA of all of them. */
  readonly data: string;
  /** Where the bytes are. */
  readonly store: string;
  /** The disk below the store, where one could be mounted. */
  readonly disk: SmallDisk | undefined;
  /** The network of the workers, where it is to be cut. */
  readonly net: Net | undefined;
  /** Clocks of workers and then controllers, where they are to jump. */
  readonly clocks: Clocks | undefined;
  /** The forge's bare repository. */
  readonly bare: string;
  readonly forge: ForgeClient;
  readonly hooks: Hooks;
  readonly queue: QueueServer;
  readonly steps: StepWatch;
  readonly controllers: readonly Supervised[];
  readonly workers: readonly Supervised[];
  /** Deliveries go to this controller from now on, as a balancer would send them. */
  deliverTo(which: number): Promise<void>;
  /** Ends controllers, workers, queue and forge in good order; what is alive then is nobody's. */
  end(): Promise<void>;
}

const START_MS = 180_000;

/** `suffers`: the kinds of faults that it is built for. */
export async function startTown(directory: string, kind: QueueKind, suffers: ReadonlySet<FaultKind>): Promise<Town> {
  const data = join(directory, "data");
  const logs = join(directory, "logs");
  for (const path of [data, logs]) mkdirSync(path, { recursive: true });
  // The embedded database has a user of its own.
  for (const path of [directory, data]) chmodSync(path, 0o755);
  const store = join(data, "store");
  const disk = smallDisk(store);
  const salt = String(process.pid);
  const forge = await startForge(join(directory, "forge"));
  const net = suffers.has("cut-worker") ? startNet(process.pid, WORKERS) : undefined;
  const library = suffers.has("clock-jump") ? faketimeLibrary() : undefined;
  const clocks = library === undefined ? undefined : startClocks(directory, library);
  const queue = await startQueueServer(kind, { directory, data, logs, net });
  const { directory: bare } = await forge.ask({ kind: "found", files: repositoryFiles(salt) }, "founded");
  const hooks = installHooks(bare);
  const ports = await Promise.all(Array.from({ length: CONTROLLERS }, freePort));
  const { started } = forge;
  const common = { PATH: process.env["PATH"], HOME: data, SLUICE_DATA: data };
  const controllers = ports.map((port, at) =>
    supervise({
      name: `controller ${at}`,
      argv: [BIN, "serve"],
      env: {
        ...common,
        ...clocks?.env(WORKERS + at),
        SLUICE_QUEUE_URL: queue.url,
        APP_ID: String(started.app.id),
        PRIVATE_KEY: started.app.privateKey,
        WEBHOOK_SECRET: started.app.secret,
        GHE_PROTOCOL: "http",
        GHE_HOST: started.host,
        HOST: "127.0.0.1",
        PORT: String(port),
        LOG_LEVEL: "info",
      },
      ready: /serves at http/,
      log: join(logs, `controller-${at}.log`),
    }),
  );
  const workers = Array.from({ length: WORKERS }, (_, at) =>
    supervise({
      name: `worker ${at}`,
      argv: [...(net?.enter(at) ?? []), BIN, "worker", "--pool", "default", "--concurrency", "2"],
      env: { ...common, ...clocks?.env(at), SLUICE_QUEUE_URL: queue.workersUrl },
      ready: /takes \d+ steps at once/,
      log: join(logs, `worker-${at}.log`),
    }),
  );
  const steps = watchSteps(salt);
  const deliverTo = async (which: number): Promise<void> => {
    const url = `http://127.0.0.1:${ports[which]}/api/github/webhooks`;
    await forge.ask({ kind: "deliver-to", url }, "done");
  };
  await deliverTo(0);
  const all = [...controllers, ...workers];
  if (!(await holdsWithin(START_MS, () => all.every((one) => one.ready()))))
    throw new Error(`the service did not start: ${logs}`);
  return {
    directory,
    data,
    store,
    disk,
    net,
    clocks,
    bare,
    forge,
    hooks,
    queue,
    steps,
    controllers,
    workers,
    deliverTo,
    async end() {
      await Promise.all(all.map((one) => one.end()));
      await queue.end();
      await forge[Symbol.asyncDispose]();
      steps[Symbol.dispose]();
      disk?.unmount();
      net?.remove();
    },
  };
}
