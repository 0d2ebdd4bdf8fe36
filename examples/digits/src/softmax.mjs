import { readFileSync } from "node:fs";

export const DIGITS = 10;
export const PIXELS = 64;

/** Images scaled to [0, 1] with a constant last feature, and their digits. */
export function readImages(path) {
  return readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const numbers = line.split(",").map(Number);
      return { pixels: [...numbers.slice(0, PIXELS).map((grey) => grey / 16), 1], digit: numbers[PIXELS] };
    });
}

/** The probability of each digit for one image. */
export function probabilities(weights, pixels) {
  const scores = weights.map((row) => row.reduce((sum, weight, at) => sum + weight * pixels[at], 0));
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
