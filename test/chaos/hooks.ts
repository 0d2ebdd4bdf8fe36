import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Ends of acceptance and refusals, kept by git's own hooks: nothing that Sluice writes is asked. */
export interface Hooks {
  /** Ids of all runs that were ever accepted. */
  accepted(): ReadonlySet<string>;
  /** The next so many pushes to the ledger are refused. */
  refuse(times: number): void;
  refusing(): boolean;
}

const LOG = "accepted.log";
const REFUSE = "refuse-ledger";

export function installHooks(bare: string): Hooks {
  const log = join(bare, LOG);
  const refuse = join(bare, REFUSE);
  writeFileSync(log, "");
  hook(
    bare,
    "reference-transaction",
    `test "$1" = committed || exit 0\ngrep ' refs/sluice/runs/' >> '${log}'\nexit 0\n`,
  );
  hook(
    bare,
    "pre-receive",
    `grep -q ' refs/heads/sluice/ledger$' || exit 0\ntest -s '${refuse}' || exit 0\nsed -i 1d '${refuse}'\necho 'refused for a while' >&2\nexit 1\n`,
  );
  return {
    accepted() {
      const lines = readFileSync(log, "utf8").split("\n");
      return new Set(
        lines.flatMap((line) => /^[0-9a-f]+ 0*[1-9a-f][0-9a-f]* refs\/sluice\/runs\/(\w+)$/.exec(line)?.[1] ?? []),
      );
    },
    refuse: (times) => writeFileSync(refuse, "refused\n".repeat(times)),
    refusing: () => existsSync(refuse) && readFileSync(refuse).length > 0,
  };
}

function hook(bare: string, name: string, script: string): void {
  const path = join(bare, "hooks", name);
  rmSync(path, { force: true });
  writeFileSync(path, `#!/bin/sh\n${script}`, { mode: 0o755 });
}
