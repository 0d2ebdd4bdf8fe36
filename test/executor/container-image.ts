import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Engine } from "../../src/executor/container-engine.ts";
import { parseDigest } from "../../src/identity/identity.ts";
import type { Environment } from "../../src/pipeline/pipeline.ts";

export interface Containers {
  readonly engine: Engine;
  readonly environment: Environment;
  close(): void;
}

/** Where podman's defaults are refused (no CAP_SYS_RESOURCE, cgroups of both versions), these are not. */
const SETTINGS = `[containers]
default_ulimits = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

/** podman with a storage of its own and one small image, made of this machine's busybox; or why there is none. */
export function containers(): Containers | string {
  const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));
  if (spawnSync("podman", ["--version"]).status !== 0 || busybox === undefined)
    return "podman or busybox is not installed (apt install podman runc catatonit busybox-static)";
  const directory = mkdtempSync(join(tmpdir(), "sluice-images-"));
  const settings = join(directory, "containers.conf");
  const runtime = existsSync("/usr/sbin/runc") ? 'runtime = "runc"\n' : "";
  writeFileSync(settings, `${SETTINGS}${runtime}`);
  process.env["CONTAINERS_CONF"] = settings;
  const place = ["--root", join(directory, "storage"), "--runroot", join(directory, "run"), "--storage-driver", "vfs"];
  const engine: Engine = { program: "podman", arguments: place };
  const close = (): void => {
    spawnSync("podman", [...place, "rm", "--force", "--all"]);
    rmSync(directory, { recursive: true, force: true });
  };
  const imported = importImage(join(directory, "root"), busybox, place);
  if (imported.kind === "refused") {
    close();
    return `podman does not work here: ${imported.why}`;
  }
  const digest = parseDigest(imported.digest);
  if (digest === undefined) throw new Error(`podman says no digest: ${imported.digest}`);
  return { engine, environment: { kind: "image", image: `${NAME}@${digest}`, digest }, close };
}

const NAME = "localhost/sluice-test";

function importImage(
  root: string,
  busybox: string,
  place: readonly string[],
): { readonly kind: "imported"; readonly digest: string } | { readonly kind: "refused"; readonly why: string } {
  for (const name of ["bin", "tmp", "etc", "proc", "sys", "dev", "sluice"])
    mkdirSync(join(root, name), { recursive: true });
  copyFileSync(busybox, join(root, "bin", "busybox"));
  for (const name of execFileSync(busybox, ["--list"], { encoding: "utf8" }).trim().split("\n"))
    if (name !== "busybox") symlinkSync("busybox", join(root, "bin", name));
  const packed = execFileSync("tar", ["-C", root, "-c", "."], { maxBuffer: 100_000_000 });
  const imported = spawnSync("podman", [...place, "import", "-", `${NAME}:1`], { input: packed, encoding: "utf8" });
  if (imported.status !== 0) return { kind: "refused", why: imported.stderr };
  const ran = spawnSync("podman", [...place, "run", "--rm", "--init", "--network", "none", `${NAME}:1`, "/bin/true"], {
    encoding: "utf8",
  });
  if (ran.status !== 0) return { kind: "refused", why: ran.stderr };
  const args = [...place, "image", "inspect", `${NAME}:1`, "--format", "{{.Digest}}"];
  return { kind: "imported", digest: execFileSync("podman", args, { encoding: "utf8" }).trim() };
}
