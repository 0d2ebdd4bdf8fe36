import { NO_VALUE, type Failure } from "../run/run-record.ts";

/** Where the reader stands: at a keyboard or in a pull request. */
export type Where = "local" | "pull-request";

/** What to do about a failure; backticks mark what to type or edit. */
export function nextAction(failure: Failure, step: string, where: Where): string {
  const again = where === "local" ? "`sluice run`" : "`/sluice retry`";
  const then = where === "local" ? "then `sluice run`" : "then push";
  const or = where === "local" ? "then `sluice run`" : "or `/sluice retry`";
  const name = step.replaceAll("`", "'");
  switch (failure.kind) {
    case "exit":
      if (failure.code === 127) return `check the command of \`${name}\` and its \`environment:\`, ${then}`;
      if (failure.code === 137) return `if memory ran out, set \`resources.memory\` of \`${name}\`, ${then}`;
      return `mend \`${name}\`, ${then}; what is done is kept`;
    case "signal":
      return /KILL|TERM|INT$/.test(failure.signal)
        ? `${again}, which starts at \`${name}\`; if memory ran out, set \`resources.memory\` first`
        : `mend \`${name}\`, ${then}; what is done is kept`;
    case "timeout":
      return `raise \`timeout\` of \`${name}\`, ${or}`;
    case "oom":
      return `raise \`resources.memory\` of \`${name}\`, ${or}`;
    case "lost":
      return `${again}, which starts at \`${name}\``;
    case "missing-output":
      return `let the command of \`${name}\` write it, or take it off the list that names it, ${then}`;
    case "wrong-output":
      return `mend what \`${name}\` writes there, ${then}`;
    case "undeclared-write":
      if (failure.missing !== undefined)
        return `let the command of \`${name}\` write what \`outputs:\` declares, or correct \`outputs:\`, ${then}`;
      return `add it to \`outputs:\` of \`${name}\`, or write it below \`$TMPDIR\`, ${then}`;
    case "changed-dataset":
      return `let nothing write there during a run, then ${again}`;
    case "disk-full":
      return where === "local"
        ? "make room (`sluice gc` removes what no run needs), then `sluice run`"
        : "ask the operator for room, then `/sluice retry`";
    case "environment":
      return `${bare(failure.line)}, ${then}`;
    case "bad-metrics":
      return `let \`${name}\` write JSON or YAML numbers there, ${then}`;
    case "gate":
      if (failure.value === NO_VALUE)
        return `let a step write it as a number, or correct its name under \`metrics:\`, ${then}`;
      return `improve it, or change \`gate:\` of \`${failure.metric.replaceAll("`", "'")}\`, ${then}`;
    case "refused":
      return bare(failure.next);
  }
}

/** A sentence of our own without its final dot. */
function bare(sentence: string): string {
  return sentence.replace(/\.$/, "");
}
