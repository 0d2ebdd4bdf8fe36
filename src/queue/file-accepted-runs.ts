import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import type { AcceptedRun, AcceptedRuns } from "./accepted-runs.ts";
import { processStart } from "./process-start.ts";

export function fileAcceptedRuns(directory: string): AcceptedRuns {
  const runs = join(directory, "runs");
  const path = (id: string): string => join(runs, `${id}.json`);
  return {
    list() {
      let names: string[];
      try {
        names = readdirSync(runs).filter((name) => name.endsWith(".json"));
      } catch {
        return [];
      }
      return names.sort().flatMap((name) => parse(join(runs, name)));
    },
    accept(run) {
      mkdirSync(runs, { recursive: true });
      const temporary = `${path(run.id)}.${process.pid}.tmp`;
      writeFileSync(temporary, `${JSON.stringify(run)}\n`);
      const file = openSync(temporary, "r");
      fsyncSync(file);
      closeSync(file);
      try {
        linkSync(temporary, path(run.id));
      } finally {
        unlinkSync(temporary);
      }
    },
    remove: (id) => rmSync(path(id), { force: true }),
    holder() {
      const [pid, start] = holder(join(directory, "run.lock"));
      return pid !== undefined && processStart(pid) !== "" && processStart(pid) === start ? pid : undefined;
    },
    lock: () => lock(directory),
  };
}

function parse(path: string): readonly AcceptedRun[] {
  try {
    return [JSON.parse(readFileSync(path, "utf8")) as AcceptedRun];
  } catch {
    // A torn file was never acknowledged to anybody.
    return [];
  }
}

/** A file with our process id, created exclusively; one left by a process that is gone is taken over. */
function lock(directory: string): ReturnType<AcceptedRuns["lock"]> {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, "run.lock");
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, `${process.pid} ${processStart(process.pid)}\n`);
  try {
    for (let round = 0; round < 3; round++) {
      try {
        linkSync(mine, path);
        return { kind: "locked", release: () => rmSync(path, { force: true }) };
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      }
      const [pid, start] = holder(path);
      if (pid !== undefined && pid !== process.pid && processStart(pid) !== "" && processStart(pid) === start)
        return { kind: "held", pid };
      rmSync(path, { force: true });
    }
    return { kind: "held", pid: holder(path)[0] ?? 0 };
  } finally {
    unlinkSync(mine);
  }
}

function holder(path: string): readonly [number | undefined, string] {
  try {
    const [pid, start] = readFileSync(path, "utf8").trim().split(" ");
    return [Number(pid), start ?? ""];
  } catch {
    return [undefined, ""];
  }
}
