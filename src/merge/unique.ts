// What makes the versions unique that a merge or a restore makes: those of functions begin with 0, and those of
// applications with 9.

import type { Random } from '../ports.ts';

/** 34 digits: of two versions that are alike otherwise, the later one is higher. */
export function mergeUnique(nowMs: number, random: Random): string {
  const digits = () => String(Math.floor(random.next() * 1e10)).padStart(10, '0');
  return `8${String(nowMs).padStart(13, '0')}${digits()}${digits()}`;
}
