import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const [source, every] = process.argv.slice(2);
const words = readFileSync(source, "utf8").trim().split("\n");
mkdirSync("build", { recursive: true });
writeFileSync("build/train.txt", `${words.filter((_, at) => at % Number(every) !== 0).join("\n")}\n`);
writeFileSync("build/test.txt", `${words.filter((_, at) => at % Number(every) === 0).join("\n")}\n`);
