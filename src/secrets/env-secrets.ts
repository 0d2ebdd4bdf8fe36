import { isPrivateVariable } from "../pipeline/private-variable.ts";
import type { Secrets } from "./secrets.ts";

const SOURCE = /^env:([A-Za-z_]\w*)$/;

/** Variables of this process, Sluice's and Probot's own excepted. */
export function envSecrets(variable: (name: string) => string | undefined): Secrets {
  return {
    read(source) {
      const name = SOURCE.exec(source)?.[1];
      if (name === undefined)
        return { kind: "refused", why: "names no variable", next: "write it as `env:NAME` in `secrets:`" };
      if (isPrivateVariable(name))
        return { kind: "refused", why: "is Sluice's own", next: "keep the secret in another variable" };
      const value = variable(name);
      if (value === undefined || value === "")
        return { kind: "refused", why: "is not set where the worker runs", next: `start the worker with ${name}=…` };
      return { kind: "ok", value };
    },
  };
}
