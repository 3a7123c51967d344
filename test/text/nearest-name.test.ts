import { expect, it } from 'vitest';
import { nearestName } from '../../src/text/nearest-name.ts';

const NAMES = ['rate', 'replication', 'read-units', 'write-units', 'json', 'apply'];

it.each([
  ['rat', 'rate'],
  ['rtae', 'rate'],
  ['raet', 'rate'],
  ['replicaton', 'replication'],
  ['repl', 'replication'],
  ['readunits', 'read-units'],
  ['writeunit', 'write-units'],
  ['jsn', 'json'],
  ['aply', 'apply'],
])('finds what was meant by %s', (typed, meant) => {
  expect(nearestName(typed, NAMES)).toBe(meant);
});

it.each(['', 'x', 'speed', 'help', 'verbose', 'r'])('has nothing for %j', (typed) => {
  expect(nearestName(typed, NAMES)).toBeUndefined();
});
