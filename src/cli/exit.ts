/** Exit codes (INTERFACES §4). */
export const EXIT = {
  fine: 0,
  bad: 1,
  pending: 2,
  usage: 64,
  bug: 70,
  later: 75,
  forbidden: 77,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command ends here with a sentence for the person; caught once, by the door. */
export class Refusal extends Error {
  readonly code: ExitCode;
  constructor(code: ExitCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Where steps may run in a sandbox alone and this machine makes none. */
export function noSandbox(why: string): Refusal {
  return new Refusal(EXIT.bad, `${why}\n  next: \`apt install bubblewrap\`, or \`sandbox: auto\` in sluice.yaml`);
}
