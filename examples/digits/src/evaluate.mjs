import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { DIGITS, probabilities, readImages } from "./softmax.mjs";

const [model, source, target] = process.argv.slice(2);
const { weights } = JSON.parse(readFileSync(model, "utf8"));
const images = readImages(source);

let right = 0;
let loss = 0;
const confusion = Array.from({ length: DIGITS }, () => new Array(DIGITS).fill(0));
for (const { pixels, digit } of images) {
  const guess = probabilities(weights, pixels);
  const predicted = guess.indexOf(Math.max(...guess));
  if (predicted === digit) right++;
  loss -= Math.log(Math.max(guess[digit], 1e-12));
  confusion[digit][predicted]++;
}

const metrics = { accuracy: Number((right / images.length).toFixed(6)), log_loss: Number((loss / images.length).toFixed(6)), n_test: images.length };
mkdirSync(target, { recursive: true });
writeFileSync(`${target}/metrics.json`, `${JSON.stringify(metrics, null, 2)}\n`);
const cells = confusion.flatMap((row, actual) => row.map((count, predicted) => `${actual},${predicted},${count}`));
writeFileSync(`${target}/confusion.csv`, `actual,predicted,count\n${cells.join("\n")}\n`);
console.log(`accuracy ${metrics.accuracy}, log loss ${metrics.log_loss}`);
