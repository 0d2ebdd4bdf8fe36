import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { dirname, join } from "node:path";

/** Whom the server runs as. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Where things go that user `postgres` must reach, when the data directory stands where he may not go. */
export const SHARED = "/var/lib/sluice";

const NAME = "postgres";

/** PostgreSQL refuses to run as root: then it runs as user `postgres`, created when missing. Undefined: as ourselves. */
export function postgresUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const found = lookUp();
  if (found !== undefined) return found;
  spawnSync("groupadd", ["--system", NAME]);
  spawnSync("useradd", ["--system", "--no-create-home", "--gid", NAME, NAME]);
  const created = lookUp();
  if (created === undefined) {
    throw new Error(
      "PostgreSQL does not run as root, and user postgres could not be created: useradd --system postgres",
    );
  }
  return created;
}

function lookUp(): User | undefined {
  const [uid, gid] = ["-u", "-g"].map((what) => {
    const { status, stdout } = spawnSync("id", [what, NAME], { encoding: "utf8" });
    return status === 0 ? Number(stdout) : undefined;
  });
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

/** The directory of the cluster: below the data directory where its user can go there, else below /var/lib/sluice. */
export function clusterHome(data: string, user: User | undefined): string {
  if (user === undefined || reachable(data, user)) return join(data, "postgres");
  return join(SHARED, `postgres-${createHash("sha256").update(data).digest("hex").slice(0, 16)}`);
}

/** Whether the user may pass through every directory down to this one, by their mode bits. */
export function reachable(path: string, user: User): boolean {
  const { mode, uid, gid } = statSync(path);
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  if ((mode & bit) === 0) return false;
  return dirname(path) === path || reachable(dirname(path), user);
}
