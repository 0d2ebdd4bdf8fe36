export interface PlanFlags {
  readonly base?: string;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly detailedExitcode?: boolean;
}

/** A plan as text, of the work tree against past runs. */
export function isPlain({ base, json, markdown }: PlanFlags): boolean {
  return base === undefined && json !== true && markdown !== true;
}
