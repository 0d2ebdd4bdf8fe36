import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { randomFrom, shuffled } from "./random.mjs";

const [source, target] = process.argv.slice(2);
const { seed, split } = JSON.parse(process.env.SLUICE_PARAMS);

const rows = shuffled(readFileSync(source, "utf8").trim().split("\n"), randomFrom(seed));
const test = rows.slice(0, split.held_out);
const train = rows.slice(split.held_out);

mkdirSync(target, { recursive: true });
writeFileSync(`${target}/train.csv`, `${train.join("\n")}\n`);
writeFileSync(`${target}/test.csv`, `${test.join("\n")}\n`);
console.log(`${train.length} images to learn from, ${test.length} held out`);
