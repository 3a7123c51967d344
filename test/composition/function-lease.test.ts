// Whose heartbeat is due, by both copies of the control row.

import { describe, expect, it } from 'vitest';
import { heartbeatTurn } from '../../src/composition/function-lease.ts';
import type { ControlRow } from '../../src/model/control-row.ts';
import { beatRequest } from '../../src/heartbeat/heartbeat.ts';
import type { SwitchRecord } from '../../src/model/switch-record.ts';
import { switchedRow } from '../../src/model/switch-rows.ts';
import { NOW_MS, scripted, serviceError } from '../fixtures/replication.ts';
import { type Copies, epoch, HERE, leaseOver, rowOf, THERE } from '../fixtures/switched.ts';

const ACTIVE = rowOf(
  epoch(1, HERE, 0, { to: 1000, end: 'drained' }),
  epoch(2, THERE, 1000, { to: 2000, end: 'drained' }),
  epoch(3, HERE, 2000),
);
const AWAY = rowOf(epoch(1, HERE, 0, { to: 1000, end: 'drained' }), epoch(2, THERE, 1000));
const RECORD: SwitchRecord = {
  id: 'run',
  target: THERE,
  step: 'claimed',
  by: 'somebody',
  startedAtMs: 1,
  letters: [],
  keys: 0,
};
const claimed = switchedRow(ACTIVE, { tag: 'claimed', record: RECORD });
const closing = switchedRow(ACTIVE, { tag: 'closed', closing: true });
const both = (row: ControlRow): Copies => ({ source: row, destination: row });
const unread = serviceError('TimeoutError', 'no answer');

const clock = { now: () => NOW_MS, sleep: async () => undefined };
const writer = scripted(() => ({ kind: 'written' }));
const turnOver = (copies: Copies) => heartbeatTurn(leaseOver(copies, clock), HERE, writer);

describe('a heartbeat', () => {
  it.each<[string, Copies, { isActive: boolean; isDue: boolean }]>([
    ['is due while its Region is active', both(ACTIVE), { isActive: true, isDue: true }],
    ['is not while the other one is', both(AWAY), { isActive: false, isDue: false }],
    ['waits while a switch holds the copies', both(claimed), { isActive: true, isDue: false }],
    [
      'waits while a switch holds one copy',
      { source: ACTIVE, destination: claimed },
      { isActive: true, isDue: false },
    ],
    ['waits while the copies are closing', both(closing), { isActive: true, isDue: false }],
    [
      'waits while the twin’s copy cannot be read',
      { source: ACTIVE, destination: unread },
      { isActive: true, isDue: false },
    ],
    [
      'waits while there is no copy',
      { source: undefined, destination: undefined },
      { isActive: false, isDue: false },
    ],
  ])('%s', async (_, copies, { isActive, isDue }) => {
    const turn = await turnOver(copies);

    expect(turn.isActive).toBe(isActive);
    expect(turn.writer !== undefined).toBe(isDue);
  });

  it('says so where its own copy cannot be read', async () => {
    await expect(turnOver({ source: unread, destination: ACTIVE })).rejects.toThrow('no answer');
  });

  it('is written under the lease', async () => {
    const copies = both(ACTIVE);
    let nowMs = NOW_MS;
    const lease = leaseOver(copies, { ...clock, now: () => nowMs });
    const turn = await heartbeatTurn(lease, HERE, writer);
    Object.assign(copies, both(closing));
    nowMs += 60_000;
    const key = { pk: { S: 'heartbeat' } };

    await expect(turn.writer?.write(beatRequest('Orders', key, key))).rejects.toThrow(/switched/);

    expect(writer.requests).toEqual([]);
  });
});
