import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const [counts, test, target] = process.argv.slice(2);
const lengths = JSON.parse(readFileSync(counts, "utf8"));
const words = readFileSync(test, "utf8").trim().split("\n");
const seen = words.filter((word) => word.length in lengths).length;
mkdirSync(target, { recursive: true });
writeFileSync(`${target}/metrics.json`, `${JSON.stringify({ coverage: seen / words.length })}\n`);
writeFileSync(`${target}/lengths.csv`, `length,words\n${Object.entries(lengths).map((pair) => pair.join(",")).join("\n")}\n`);
