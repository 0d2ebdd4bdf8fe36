import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { CoreV1Api, V1Pod } from "@kubernetes/client-node";

/** Where a pod's objects are, and where its empty volumes go. */
export interface PodPlace {
  readonly core: CoreV1Api;
  readonly namespace: string;
  readonly directory: string;
}

/** What stands in for an image: the system's programs, read-only. */
const IMAGE = ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin"];
const LIBRARIES = [
  "--symlink",
  "usr/lib",
  "/lib",
  "--symlink",
  "usr/lib64",
  "/lib64",
  "--proc",
  "/proc",
  "--dev",
  "/dev",
];

/** Cores in thousandths, all else in ones. */
export function quantity(what: string, text: string): number {
  const [, number = "0", unit = ""] = /^(\d+)([a-zA-Z]*)$/.exec(text) ?? [];
  const steps = ["", "k", "M", "G", "T"].indexOf(unit.replace("i", "").replace("K", "k"));
  const ones = unit === "m" ? Number(number) / 1_000 : Number(number) * (unit.endsWith("i") ? 1_024 : 1_000) ** steps;
  return what === "cpu" ? ones * 1_000 : ones;
}

/** `$(NAME)` is the variable where there is one, `$$` is a dollar. */
export function expanded(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$(\$|\(([^)]*)\))/g, (whole, sign: string, name: string) =>
    sign === "$" ? "$" : (env[name] ?? whole),
  );
}

export async function environmentOf(node: PodPlace, pod: V1Pod): Promise<Readonly<Record<string, string>> | undefined> {
  const env: Record<string, string> = { HOSTNAME: pod.spec?.hostname ?? "" };
  for (const { name, value, valueFrom } of pod.spec?.containers[0]?.env ?? []) {
    const from = valueFrom?.secretKeyRef;
    if (from === undefined) env[name] = expanded(value ?? "", env);
    else {
      try {
        const read = await node.core.readNamespacedSecret({ namespace: node.namespace, name: from.name ?? "" });
        env[name] = Buffer.from(read.data?.[from.key] ?? "", "base64").toString("utf8");
      } catch {
        return undefined;
      }
    }
  }
  return env;
}

/** The pod's mounts, and the network that a NetworkPolicy leaves to it. */
export async function sandboxOf(node: PodPlace, pod: V1Pod): Promise<readonly string[]> {
  const mounts: string[] = [];
  for (const { name, mountPath, subPath = "", readOnly } of pod.spec?.containers[0]?.volumeMounts ?? []) {
    const volume = pod.spec?.volumes?.find((one) => one.name === name);
    const claim = volume?.persistentVolumeClaim?.claimName;
    if (volume?.emptyDir?.medium === "Memory") mounts.push("--tmpfs", mountPath);
    else if (claim === undefined) {
      const empty = join(node.directory, `${pod.metadata?.uid ?? ""}-${name}`);
      mkdirSync(empty, { recursive: true });
      mounts.push("--bind", empty, mountPath);
    } else {
      const bound = await node.core.readNamespacedPersistentVolumeClaim({ namespace: node.namespace, name: claim });
      const held = await node.core.readPersistentVolume({ name: bound.spec?.volumeName ?? "" });
      const source = join(held.spec?.hostPath?.path ?? "", subPath);
      mounts.push(readOnly === true ? "--ro-bind" : "--bind", source, mountPath);
    }
  }
  const container = pod.spec?.containers[0];
  const dropped = container?.securityContext?.capabilities?.drop ?? [];
  return [
    "--unshare-pid",
    "--unshare-ipc",
    "--die-with-parent",
    "--new-session",
    ...IMAGE,
    ...LIBRARIES,
    ...(pod.metadata?.labels?.["sluice/network"] === "none" ? ["--unshare-net"] : []),
    ...dropped.flatMap((capability) => ["--cap-drop", capability]),
    ...mounts,
    ...(container?.securityContext?.readOnlyRootFilesystem === true ? ["--remount-ro", "/"] : []),
    "--chdir",
    container?.workingDir ?? "/",
  ];
}
