import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

import { until } from "../contract/queue.ts";

export interface SlurmCluster {
  /** `sbatch` and the others find the cluster by SLURM_CONF. */
  readonly conf: string;
  close(): Promise<void>;
}

/** Why there is no Slurm here; undefined where one can be started. */
export function noSlurm(): string | undefined {
  if (process.getuid?.() !== 0) return "its daemons are started as root";
  const missing = ["munged", "slurmctld", "slurmd"].find((name) => !existsSync(`/usr/sbin/${name}`));
  return missing === undefined ? undefined : `there is no ${missing} (apt install slurm-wlm munge)`;
}

/** A cluster of one node that is this machine: munged, slurmctld and slurmd under our own process numbers. */
export async function startSlurm(): Promise<SlurmCluster> {
  const root = mkdtempSync(join(tmpdir(), "sluice-slurm-"));
  for (const name of ["munge", "state", "spool"]) mkdirSync(join(root, name), { mode: 0o755 });
  writeFileSync(join(root, "munge", "key"), "0123456789abcdef".repeat(64), { mode: 0o400 });
  const conf = join(root, "slurm.conf");
  writeFileSync(conf, configuration(root, [await freePort(), await freePort()]));
  writeFileSync(join(root, "gres.conf"), "Name=gpu File=/dev/zero\n");
  const env = { ...process.env, SLURM_CONF: conf };
  const daemons: ChildProcess[] = [];
  const start = (program: string, ...args: readonly string[]): void => {
    daemons.push(spawn(`/usr/sbin/${program}`, args, { env, stdio: "ignore" }));
  };
  const munge = ["socket", "log-file", "pid-file", "seed-file"].map((name) => `--${name}=${join(root, "munge", name)}`);
  start("munged", "--foreground", "--force", `--key-file=${join(root, "munge", "key")}`, ...munge, "--num-threads=2");
  await until(() => existsSync(join(root, "munge", "socket")));
  start("slurmctld", "-D", "-i");
  start("slurmd", "-D", "-N", "n1");
  const idle = (): boolean =>
    spawnSync("sinfo", ["--noheader", "--format=%T"], { env, encoding: "utf8" }).stdout.trim() === "idle";
  try {
    await until(idle);
  } catch (error) {
    for (const name of ["slurmctld.log", "slurmd.log"])
      process.stderr.write(existsSync(join(root, name)) ? readFileSync(join(root, name)).subarray(-3_000) : "");
    throw error;
  }
  return {
    conf,
    async close() {
      // A job outlives its node's daemon.
      spawnSync("scancel", ["--name=sluice", "--signal=KILL", "--full"], { env });
      await until(() => spawnSync("squeue", ["--noheader"], { env, encoding: "utf8" }).stdout === "");
      for (const daemon of daemons.toReversed()) {
        const gone = new Promise((resolve) => daemon.once("close", resolve));
        if (daemon.exitCode !== null || daemon.signalCode !== null || !daemon.kill("SIGKILL")) continue;
        await gone;
      }
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function configuration(root: string, [controller = 0, node = 0]: readonly number[]): string {
  const host = hostname();
  const socket = join(root, "munge", "socket");
  return [
    "ClusterName=sluice",
    `SlurmctldHost=${host}(127.0.0.1)`,
    "SlurmUser=root",
    "SlurmdUser=root",
    "AuthType=auth/munge",
    `AuthInfo=socket=${socket}`,
    "CredType=cred/munge",
    `SlurmctldPort=${controller}`,
    `StateSaveLocation=${join(root, "state")}`,
    `SlurmdSpoolDir=${join(root, "spool")}`,
    `SlurmctldPidFile=${join(root, "slurmctld.pid")}`,
    `SlurmdPidFile=${join(root, "slurmd.pid")}`,
    `SlurmctldLogFile=${join(root, "slurmctld.log")}`,
    `SlurmdLogFile=${join(root, "slurmd.log")}`,
    "ProctrackType=proctrack/linuxproc",
    "TaskPlugin=task/none",
    "JobAcctGatherType=jobacct_gather/linux",
    "JobAcctGatherFrequency=task=1",
    "JobAcctGatherParams=OverMemoryKill",
    "SelectType=select/cons_tres",
    "SelectTypeParameters=CR_Core_Memory",
    "GresTypes=gpu",
    "ReturnToService=2",
    "MpiDefault=none",
    "SlurmdParameters=config_overrides",
    "SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=1",
    `NodeName=n1 NodeHostname=${host} NodeAddr=127.0.0.1 Port=${node} CPUs=8 RealMemory=4000 Gres=gpu:1`,
    "PartitionName=all Nodes=n1 Default=YES MaxTime=60 State=UP DefMemPerCPU=300",
    "",
  ].join("\n");
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
