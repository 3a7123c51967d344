// The verdict on a direction where both tables are written: what holds its records, and what is not replicated.

import { describe, expect, it } from 'vitest';
import { MINUTE_MS, type Vitals } from '../../src/model/vitals.ts';
import { verdictOf } from '../../src/status/verdict.ts';

const NOW_MS = Date.UTC(2026, 0, 31, 12);
const STREAM = 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/1';

function verdict(mode: 'home' | 'stamped', parts: Partial<Vitals>) {
  const vitals = {
    nowMs: NOW_MS,
    own: {},
    services: {},
    latency: { p50: [], p90: [], p99: [] },
    mapping: { state: 'Enabled', lastResult: 'OK', streamArn: STREAM },
    deadLetters: 0,
    streamArn: STREAM,
    ...parts,
  };
  return verdictOf(vitals, {
    behindMs: 30_000,
    heartbeat: false,
    oldImagesFor: '"direction": "both"',
    twoWay: { mode, epoch: 2 },
  });
}

const recently = (value: number) => [[NOW_MS - 2 * MINUTE_MS, value] as const];

describe('the verdict', () => {
  it.each([
    ['of the same epoch', 'home', { epoch: 2 }, 'healthy', 'no changes'],
    ['before anything is adopted', 'home', {}, 'healthy', 'no changes'],
    [
      'of another epoch',
      'home',
      { epoch: 1 },
      'held',
      'has epoch 1, and the configuration epoch 2',
    ],
    [
      'of conflicts',
      'stamped',
      { epoch: 2, own: { OwnRecords: recently(5), Conflicts: recently(5) } },
      'healthy',
      "Ferry's own",
    ],
    [
      'of strays by home',
      'home',
      { epoch: 2, own: { StrayWrites: recently(1) } },
      'different',
      '1 write to the source in the last hour not made at the home of the item',
    ],
    [
      'of strays by stamp',
      'stamped',
      { epoch: 2, own: { StrayWrites: recently(4) } },
      'different',
      '4 writes to the source in the last hour not stamped',
    ],
    [
      'of strays while letters wait',
      'home',
      { epoch: 2, own: { StrayWrites: recently(1) }, deadLetters: 3 },
      'behind',
      '3 dead letters',
    ],
    ['of another view', 'home', { streamView: 'NEW_IMAGE' }, 'stuck', '"direction": "both" needs'],
  ] as const)('%s', (_, mode, parts, level, text) => {
    const found = verdict(mode, parts);

    expect(found.level).toBe(level);
    expect(found.text).toContain(text);
  });
});
