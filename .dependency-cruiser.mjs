/** The law of imports (docs/architecture.md): each rule says why it is there. */

/** Ground rooms from left to right: a room imports only rooms to its left. */
const line = [
  "identity",
  "result",
  "problem",
  "expression",
  "pipeline",
  "key",
  "plan",
  "run",
  "scheduling",
  "diff",
  "manifest",
  "release",
  "policy",
  "report",
];
const ground = `^src/(${[...line, "trigger"].join("|")})/`;
const worldRooms = ["forge", "git", "queue", "executor", "store", "index", "secrets", "signer", "clock", "notifier"];
const world = `^src/(${worldRooms.join("|")})/`;
/** One file per world room is its port, named after what it offers. */
const ports =
  "^src/(forge/(forge|desired|looked)|git/(git|view|work-tree|mirror)|queue/(queue|dispatcher|accepted-runs)|executor/executor|store/(store|checkpoints|file-digests|parsed-cache|datasets)|index/history|secrets/secrets|signer/signer|clock/clock|notifier/notifier)\\.ts$";
const doors = "^src/(app|worker|cli|web)";

const leftToRight = line.map((room, at) => ({
  name: `ground-line-${room}`,
  comment: `${room} stands left of the rooms it must not know: a cycle of meanings begins with one import to the right`,
  severity: "error",
  from: { path: `^src/${room}/` },
  to: { path: `^src/(${[...line.slice(at + 1), "trigger"].join("|")})/` },
}));

const apart = worldRooms.map((room) => ({
  name: `rooms-do-not-visit-${room}`,
  comment:
    "world rooms never import each other: what two of them share is a noun of the ground or comes in as an argument",
  severity: "error",
  from: { path: `^src/${room}/` },
  to: { path: world, pathNot: `^src/${room}/` },
}));

export default {
  forbidden: [
    {
      name: "no-circular",
      comment: "a cycle has no first file to read, types included",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    ...leftToRight.filter((rule) => !rule.to.path.endsWith("()/")),
    ...apart,
    {
      name: "ground-imports-ground-only",
      comment: "the ground floor is pure: it knows neither world nor verbs nor doors",
      severity: "error",
      from: { path: ground },
      to: { path: "^src/", pathNot: ground },
    },
    {
      name: "ground-has-no-io",
      comment: "values come in and go out: of what Node offers, only hashing and comparing are allowed",
      severity: "error",
      from: { path: ground },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?(crypto|util)$" },
    },
    {
      name: "world-imports-ground-only",
      comment: "an adapter serves verbs and doors; it does not call them",
      severity: "error",
      from: { path: world },
      to: { path: "^src/", pathNot: [ground, world] },
    },
    {
      name: "verbs-see-ports-only",
      comment: "a verb that knows an adapter cannot run on another one",
      severity: "error",
      from: { path: "^src/controller/" },
      to: { path: world, pathNot: ports },
    },
    {
      name: "verbs-do-not-call-verbs",
      comment: "verbs are composed by doors; shared decisions belong on the ground",
      severity: "error",
      from: { path: "^src/controller/([^/]+)" },
      to: { path: "^src/controller/", pathNot: "^src/controller/($1|project\\.ts)" },
    },
    {
      name: "verbs-have-no-io",
      comment: "the world is reached through ports",
      severity: "error",
      from: { path: "^src/controller/" },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?(crypto|path)$" },
    },
    {
      name: "only-main-builds-adapters",
      comment: "ports and adapters meet in one file, so that anybody can say what runs where",
      severity: "error",
      from: { path: doors },
      to: { path: world, pathNot: ports },
    },
    {
      name: "action-plans-and-no-more",
      comment: "the Action reads git and plans: ground, verbs and git are all it needs, and its bundle stays small",
      severity: "error",
      from: { path: "^action/" },
      to: { path: "^src/", pathNot: [ground, "^src/controller/", "^src/git/"] },
    },
    {
      name: "nothing-imports-the-action",
      comment: "the Action is a door: it opens inwards",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^action/" },
    },
    {
      name: "nothing-imports-doors",
      comment: "doors open inwards",
      severity: "error",
      from: { path: "^src/", pathNot: [doors, "^src/main"] },
      to: { path: doors },
    },
    {
      name: "launcher-imports-nothing",
      comment: "the process that spawns steps stays small: every page it holds is copied or walked at a spawn",
      severity: "error",
      from: { path: "^src/launcher\\.ts$" },
      to: { path: "^src/" },
    },
    {
      name: "src-never-imports-test",
      comment: "what users run never depends on what checks it",
      severity: "error",
      from: { path: "^(src|action)/" },
      to: { path: "^(test|bench|scripts)/" },
    },
    {
      name: "no-dumping-grounds",
      comment: "a helper lives with its one user; with two users it is a noun and gets that name",
      severity: "error",
      from: {},
      to: { path: "(^|/)(utils?|helpers?|services?|managers?|common|shared|misc)(/|\\.ts$)", pathNot: "node_modules" },
    },
  ],
  options: {
    parser: "swc",
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^node_modules" },
    enhancedResolveOptions: { extensions: [".ts", ".mjs", ".js"] },
  },
};
