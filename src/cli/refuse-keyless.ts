import { keylessMistake, type KeylessConfig } from "../config-keyless.ts";
import { EXIT, Refusal } from "./exit.ts";

/** Ends a command whose record could not be signed as the environment asks: before anything is computed for it. */
export function refuseKeyless(config: KeylessConfig): void {
  const mistake = keylessMistake(config);
  if (mistake !== undefined) throw new Refusal(EXIT.usage, mistake);
}
