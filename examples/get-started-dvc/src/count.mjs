import { readFileSync, writeFileSync } from "node:fs";

const [source, target] = process.argv.slice(2);
const least = Number(/min_length: (\d+)/.exec(readFileSync("params.yaml", "utf8"))[1]);
const counts = {};
for (const word of readFileSync(source, "utf8").trim().split("\n")) if (word.length >= least) counts[word.length] = (counts[word.length] ?? 0) + 1;
writeFileSync(target, `${JSON.stringify(counts)}\n`);
