// What both copies say there is to do, and when a switch must not begin.

import { describe, expect, it } from 'vitest';
import { type ControlRow, firstRow, type FoundControl } from '../../src/model/control-row.ts';
import type { SwitchRecord } from '../../src/model/switch-record.ts';
import { endedEpochs, switchedRow } from '../../src/model/switch-rows.ts';
import { planSwitch } from '../../src/switching/plan.ts';
import { copiedRow, openedEpochs } from '../../src/switching/rows.ts';
import type { SwitchRequest } from '../../src/switching/step.ts';

const STREAM = (region: string) =>
  `arn:aws:dynamodb:${region}:111122223333:table/Orders/stream/2026-01-31T12:00:00.000`;
const old = { region: 'us-east-1', streamArn: STREAM('us-east-1') };
const target = { region: 'eu-west-1', streamArn: STREAM('eu-west-1') };
const sides = { old, target };
const FIRST = firstRow({
  ...old,
  reserved: '_ferry',
  destinationId: 'd',
  ledgerId: 'l',
  tag: 't',
  nowMs: 1_000,
});
const record: SwitchRecord = {
  id: 'run-1',
  target: target.region,
  step: 'fenced',
  by: 'somebody',
  startedAtMs: 5_000,
  letters: [],
  keys: 0,
};
const held = (row: ControlRow, one: SwitchRecord = record) =>
  switchedRow(row, { tag: 't', record: one });
const OPENED = switchedRow(FIRST, { tag: 't', epochs: openedEpochs(FIRST, target, 60_500) });
const LOST = switchedRow(FIRST, {
  tag: 't',
  epochs: openedEpochs(FIRST, target, 60_500, 'lost'),
});
const row = (one: ControlRow): FoundControl => ({ kind: 'row', row: one });
const MISSING: FoundControl = { kind: 'missing' };
const plan = (there: FoundControl, here: FoundControl, kind: SwitchRequest['kind'] = 'switch') =>
  planSwitch({ target: there, old: here }, { kind }, sides);

describe('a switch', () => {
  it.each([
    ['begins', row(FIRST), row(FIRST), { kind: 'begin', record: undefined, ids: [] }],
    ['begins where a copy is missing', MISSING, row(FIRST), { kind: 'begin' }],
    ['takes over a killed run', row(held(FIRST)), row(FIRST), { kind: 'begin', ids: ['run-1'] }],
    [
      'knows the runs of both copies',
      row(held(FIRST, { ...record, id: 'run-2' })),
      row(held(FIRST)),
      { kind: 'begin', ids: ['run-2', 'run-1'] },
    ],
    ['finishes what was opened', row(held(OPENED)), row(held(FIRST)), { kind: 'finish' }],
    ['finishes what was told', row(held(OPENED)), row(OPENED), { kind: 'finish' }],
    ['has nothing to do', row(OPENED), row(OPENED), { kind: 'already' }],
    [
      'has nothing to do where the other Region was lost',
      row(LOST),
      row(FIRST),
      { kind: 'already' },
    ],
  ])('%s', (_, there, here, expected) => {
    expect(plan(there, here)).toMatchObject(expected);
  });

  it.each([
    ['switching.not-adopted', MISSING, MISSING],
    ['switching.not-adopted', MISSING, row(OPENED)],
    ['switching.not-adopted', MISSING, row(held(FIRST))],
    ['control.unreadable', { kind: 'unreadable', problem: 'x' } as const, row(FIRST)],
    ['switching.taken', row(FIRST), row(held(FIRST, { ...record, target: old.region }))],
    ['switching.lost', row(held(FIRST, { ...record, step: 'rejoining' })), row(FIRST)],
    ['switching.apart', row(FIRST), row(switchedRow(FIRST, { tag: 't', epochs: later() }))],
    ['control.stream', row(otherStream()), row(otherStream())],
  ])('is refused with %s', (code, there, here) => {
    expect(() => plan(there, here)).toThrow(expect.objectContaining({ code }));
  });

  function later() {
    return [...endedEpochs(FIRST, 'drained', 9_000), { ...newest(), n: 5, fromMs: 9_000 }];
  }

  function otherStream(): ControlRow {
    return { ...FIRST, epochs: [{ ...newest(), streams: [STREAM('ap-south-1')] }] };
  }

  function newest() {
    const [epoch] = FIRST.epochs;
    if (epoch === undefined) throw new Error('no epoch');
    return epoch;
  }
});

describe('a cancellation', () => {
  it.each([
    ['of a run', row(held(FIRST)), row(FIRST), { kind: 'begin' }],
    ['of nothing', row(FIRST), row(FIRST), { kind: 'nothing' }],
    ['behind everything', row(OPENED), row(OPENED), { kind: 'nothing' }],
  ])('%s', (_, there, here, expected) => {
    expect(plan(there, here, 'cancel')).toMatchObject(expected);
  });

  it('comes too late once the target is open', () => {
    expect(() => plan(row(held(OPENED)), row(held(FIRST)), 'cancel')).toThrow(
      expect.objectContaining({ code: 'switching.opened' }),
    );
  });
});

describe('the rows', () => {
  it('end the old epoch where the new one begins, two seconds before and in whole seconds', () => {
    const [ended, opened] = OPENED.epochs;

    expect(ended).toMatchObject({ n: 1, end: 'drained', toMs: 58_000 });
    expect(opened).toEqual({
      n: 2,
      region: 'eu-west-1',
      fromMs: 58_000,
      streams: [target.streamArn],
    });
  });

  it('never go back in time', () => {
    expect(openedEpochs(OPENED, old, 3_000).at(-1)).toMatchObject({ n: 3, fromMs: 58_000 });
  });

  it('copy the epochs to a side that has none, with its own tables', () => {
    const identity = { reserved: '_ferry', destinationId: 'a', ledgerId: 'b', tag: 'x' };

    expect(copiedRow({ ...FIRST, revision: 7 }, identity)).toEqual({
      ...FIRST,
      ...identity,
      revision: 1,
    });
  });
});
