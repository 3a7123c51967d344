// Chance for each part of a simulated world by itself, so that leaving one part out does not change what
// the others meet.

import { below, seededRandom } from '../../src/local/seeded-random.ts';
import type { Random } from '../../src/ports.ts';

export function randomOf(seed: number, name: string): Random {
  return seededRandom(Math.imul(seed, 0x9e3779b1) ^ hashOf(name));
}

/** FNV-1a with a final mix: names that are alike are far apart. */
export function hashOf(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}

export function between(random: Random, from: number, to: number): number {
  return from + random.next() * (to - from);
}

export function oneOf<T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[below(random, choices.length)] ?? choices[0];
}

export function happens(random: Random, chance: number): boolean {
  return random.next() < chance;
}

/** Nothing at all in some worlds, up to `max` in others: rare things are not hidden by frequent ones. */
export function swarm(random: Random, chance: number, max: number): number {
  return happens(random, chance) ? random.next() * max : 0;
}
