/** What a job's script needs; it stands in `root`, which only this user may enter. */
export interface JobScript {
  readonly root: string;
  /** The launcher's command line on the node. */
  readonly launcher: readonly string[];
  /** Null: `sandbox: off`. */
  readonly bubblewrap: readonly string[] | null;
  /** False: without the sandbox the step is refused. */
  readonly orWithout: boolean;
  /** Made where there is no sandbox: links to what a bind would have shown. */
  readonly links: readonly { readonly source: string; readonly target: string }[];
  /** Versions that the node must have, looked up in `path`. */
  readonly tools: Readonly<Record<string, string>>;
  readonly path: string;
  readonly gpus: boolean;
}

/** Variables by which Slurm tells a job its devices. */
export const GPU_VARIABLES = [
  "CUDA_VISIBLE_DEVICES",
  "GPU_DEVICE_ORDINAL",
  "NVIDIA_VISIBLE_DEVICES",
  "ROCR_VISIBLE_DEVICES",
  "ZE_AFFINITY_MASK",
];

/** A script for sh that checks the node, takes the order and becomes the launcher; it holds no secret and no argument of the step. */
export function jobScript(script: JobScript): string {
  const { launcher, bubblewrap, path } = script;
  return [
    "#!/bin/sh",
    // A cancelled job's processes all get TERM: the launcher alone acts on it, with grace for the step.
    "trap '' TERM",
    `cd ${quoted(script.root)} || exit 1`,
    ...toolChecks(script),
    ...(bubblewrap === null ? [] : inSandbox(script, bubblewrap)),
    ...(script.orWithout ? [] : ["printf 'sandbox\\n' > unfit", "exit 0"]),
    "exec 3< order.workspace || exit 1",
    "rm -f order.sandbox order.workspace",
    ...script.links.flatMap(({ source, target }) => [
      `rm -rf ${quoted(target)} && ln -s ${quoted(source)} ${quoted(target)} || exit 1`,
    ]),
    "printf 'workspace\\n' > isolation",
    `exec env -i ${words([`PATH=${path}`])}${script.gpus ? ` ${passed()}` : ""} ${words(launcher)} <&3 3<&- > end 2> said`,
    "",
  ].join("\n");
}

function inSandbox({ launcher, gpus }: JobScript, bubblewrap: readonly string[]): readonly string[] {
  const more = gpus ? ' "$@"' : "";
  return [
    ...(gpus ? gpuArguments() : []),
    `if bwrap ${words(bubblewrap)}${more} /bin/true > /dev/null 2> said; then`,
    "  exec 3< order.sandbox || exit 1",
    "  rm -f order.sandbox order.workspace",
    "  printf 'sandbox\\n' > isolation",
    `  exec bwrap ${words(bubblewrap)}${more} ${words(launcher)} <&3 3<&- > end 2> said`,
    "fi",
  ];
}

/** The node's devices, and which of them are the job's. */
function gpuArguments(): readonly string[] {
  return [
    "set --",
    'for device in /dev/nvidia* /dev/dri /dev/kfd; do [ ! -e "$device" ] || set -- "$@" --dev-bind "$device" "$device"; done',
    ...GPU_VARIABLES.map((name) => `[ -z "\${${name}+x}" ] || set -- "$@" --setenv ${name} "$${name}"`),
  ];
}

function passed(): string {
  return GPU_VARIABLES.map((name) => `\${${name}+"${name}=$${name}"}`).join(" ");
}

/** The same comparison as on a worker: `3.11` accepts `3.11` and `3.11.x`. */
function toolChecks({ tools, path }: JobScript): readonly string[] {
  const env = words([`PATH=${path}`, "LC_ALL=C.UTF-8"]);
  return Object.entries(tools).flatMap(([tool, expected], at) => [
    `found=$(PATH=${quoted(path)}; command -v ${quoted(tool)} > /dev/null && /usr/bin/env -i ${env} ${quoted(tool)} --version 2>&1 < /dev/null)`,
    `found=$(printf '%s\\n' "$found" | grep -oE '[0-9]+(\\.[0-9]+)+' | head -n 1)`,
    `case "$found" in ${quoted(expected)}|${quoted(`${expected}.`)}*) ;; *) printf 'tool %d %s\\n' ${at} "$found" > unfit; exit 0;; esac`,
  ]);
}

function words(all: readonly string[]): string {
  return all.map(quoted).join(" ");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
