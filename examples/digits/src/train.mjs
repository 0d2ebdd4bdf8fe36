import { writeFileSync } from "node:fs";
import { randomFrom, shuffled } from "./random.mjs";
import { DIGITS, PIXELS, probabilities, readImages } from "./softmax.mjs";

const [source, target] = process.argv.slice(2);
const { seed, train } = JSON.parse(process.env.SLUICE_PARAMS);

const images = readImages(source);
const random = randomFrom(seed);
const weights = Array.from({ length: DIGITS }, () => new Array(PIXELS + 1).fill(0));

for (let epoch = 1; epoch <= train.epochs; epoch++) {
  let loss = 0;
  for (const { pixels, digit } of shuffled(images, random)) {
    const guess = probabilities(weights, pixels);
    loss -= Math.log(guess[digit]);
    for (let row = 0; row < DIGITS; row++) {
      const step = train.learning_rate * (guess[row] - (row === digit ? 1 : 0));
      for (let at = 0; at <= PIXELS; at++) weights[row][at] -= step * pixels[at];
    }
  }
  if (epoch % 20 === 0) console.log(`epoch ${epoch}: loss ${(loss / images.length).toFixed(4)}`);
}

const rounded = weights.map((row) => row.map((weight) => Number(weight.toFixed(6))));
writeFileSync(target, `${JSON.stringify({ weights: rounded })}\n`);
