// What the two copies of the control row say together, and what a record is by the time of its write.

import { describe, expect, it } from 'vitest';
import {
  consentOf,
  type ControlCopies,
  type RecordVerdict,
  verdictOn,
  wasSwitched,
} from '../../src/model/control-copies.ts';
import {
  type ControlRow,
  type Epoch,
  type FoundControl,
  firstRow,
} from '../../src/model/control-row.ts';
import { endedEpochs, switchedRow } from '../../src/model/switch-rows.ts';

const [A, B] = ['us-east-1', 'eu-west-1'];
const streamOf = (region: string) =>
  `arn:aws:dynamodb:${region}:111122223333:table/Orders/stream/2026-01-31T12:00:00.000`;
const second = (s: number) => s * 1000;

const FIRST = firstRow({
  region: A,
  streamArn: streamOf(A),
  reserved: '_ferry',
  destinationId: 'twin',
  ledgerId: 'ledger',
  tag: 'first',
  nowMs: second(1000),
});

/** There and back: A until 2000, B from 2010 to 3000, A again from 3010. */
const EPOCHS: readonly Epoch[] = [
  {
    n: 1,
    region: A,
    fromMs: second(1000),
    streams: [streamOf(A)],
    toMs: second(2010),
    end: 'drained',
  },
  {
    n: 2,
    region: B,
    fromMs: second(2010),
    streams: [streamOf(B)],
    toMs: second(3010),
    end: 'drained',
  },
  { n: 3, region: A, fromMs: second(3010), streams: [streamOf(A)] },
];
const SWITCHED: ControlRow = { ...FIRST, format: 2, epochs: EPOCHS };
const found = (row: ControlRow): FoundControl => ({ kind: 'row', row });
const both = (row: ControlRow): ControlCopies => ({ source: found(row), destination: found(row) });
const MISSING: FoundControl = { kind: 'missing' };

describe('both copies', () => {
  const closing = switchedRow(SWITCHED, { tag: 'closed', closing: true });
  const older: ControlRow = { ...SWITCHED, epochs: EPOCHS.slice(0, 2) };
  it.each<[string, ControlCopies, string]>([
    ['open', both(SWITCHED), 'open'],
    [
      'open, and one is missing that nothing has switched',
      { source: MISSING, destination: found(FIRST) },
      'open',
    ],
    ['the same the other way', { source: found(FIRST), destination: MISSING }, 'open'],
    ['one is missing that was switched', { source: MISSING, destination: found(SWITCHED) }, 'held'],
    [
      'one is missing, and a switch has held the other',
      { source: MISSING, destination: found(switchedRow(FIRST, { tag: 'claimed' })) },
      'held',
    ],
    ['missing', { source: MISSING, destination: MISSING }, 'held'],
    ['one is closing', { source: found(SWITCHED), destination: found(closing) }, 'held'],
    ['the other one is closing', { source: found(closing), destination: found(SWITCHED) }, 'held'],
    ['the destination’s is older', { source: found(SWITCHED), destination: found(older) }, 'held'],
    ['the source’s is older', { source: found(older), destination: found(SWITCHED) }, 'held'],
    [
      'one is of another release',
      { source: { kind: 'unreadable', problem: 'its format is 9' }, destination: found(FIRST) },
      'held',
    ],
  ])('%s', (_, copies, kind) => {
    expect(consentOf(copies).kind).toBe(kind);
  });
});

describe('a record', () => {
  const lost: ControlRow = {
    ...SWITCHED,
    epochs: [
      ...endedEpochs({ ...FIRST }, 'lost', second(2000)),
      { ...EPOCHS[1]!, toMs: undefined, end: undefined },
    ],
  };
  const adopted: ControlRow = {
    ...FIRST,
    epochs: [
      { ...FIRST.epochs[0]!, toMs: second(1500), end: 'adopted' },
      { n: 2, region: A, fromMs: second(1500), streams: [streamOf(A)] },
    ],
  };
  /** Each epoch of `SWITCHED` was adopted halfway: the stream was made anew. */
  const adoptedBetween: ControlRow = {
    ...SWITCHED,
    epochs: EPOCHS.flatMap((epoch) => {
      const { n, fromMs } = epoch;
      const atMs = fromMs + second(500);
      return [
        { ...epoch, n: n * 2 - 1, toMs: atMs, end: 'adopted' as const },
        { ...epoch, n: n * 2, fromMs: atMs },
      ];
    }),
  };
  const repointed: ControlRow = {
    ...FIRST,
    epochs: [
      { ...FIRST.epochs[0]!, toMs: second(1500), end: 'adopted' },
      { n: 2, region: B, fromMs: second(1500), streams: [streamOf(B)] },
    ],
  };
  const closing = (row: ControlRow) => switchedRow(row, { tag: 'x', closing: true });
  it.each<[string, number, string, ControlRow, RecordVerdict]>([
    ['of the first epoch, whose beginning is not known', 1, A, FIRST, 'apply'],
    ['of the twin before any switch', 1500, B, FIRST, 'own'],
    ['of an epoch that was drained', 1999, A, SWITCHED, 'ended'],
    ['written by Ferry while its table was the twin', 2500, A, SWITCHED, 'own'],
    ['of the newest epoch', 3010, A, SWITCHED, 'apply'],
    ['just before the newest epoch', 3009, A, SWITCHED, 'own'],
    ['of the other side’s epoch, which was drained', 2010, B, SWITCHED, 'ended'],
    ['written by Ferry at the other side', 2009, B, SWITCHED, 'own'],
    ['written by Ferry at the other side, later', 3500, B, SWITCHED, 'own'],
    ['of a Region that was lost', 1999, A, lost, 'stranded'],
    ['of the same, while a copy is closing', 1999, A, closing(lost), 'stranded'],
    ['of an ended epoch, while a copy is closing', 1999, A, closing(SWITCHED), 'ended'],
    ['of the newest epoch, while a copy is closing', 3010, A, closing(SWITCHED), 'hold'],
    ['of the twin, while a copy is closing', 2500, A, closing(SWITCHED), 'hold'],
    ['older than an adoption, which went on in the next epoch', 1200, A, adopted, 'apply'],
    ['later than an adoption', 1700, A, adopted, 'apply'],
    ['of an epoch that was adopted and then drained', 1200, A, adoptedBetween, 'ended'],
    ['written by Ferry after an epoch that was adopted', 2500, A, adoptedBetween, 'own'],
    ['of the newest epoch, after one that was adopted', 3020, A, adoptedBetween, 'apply'],
    ['of the newest epoch, after an adoption in it', 3600, A, adoptedBetween, 'apply'],
    ['of the other side’s adopted epoch', 2020, B, adoptedBetween, 'ended'],
    ['written by Ferry at the other side, after adoptions', 3500, B, adoptedBetween, 'own'],
    ['of a source that was left for the other Region', 1200, A, repointed, 'hold'],
    ['written by Ferry since that source was left', 1700, A, repointed, 'own'],
  ])('%s', (_, createdAtSeconds, region, row, verdict) => {
    expect(verdictOn(createdAtSeconds, region, consentOf(both(row)))).toBe(verdict);
  });

  it('is held while no copy beside its source can be read', () => {
    const unreadable: FoundControl = { kind: 'unreadable', problem: 'no' };
    const consent = consentOf({ source: unreadable, destination: found(SWITCHED) });

    expect(verdictOn(1999, A, consent)).toBe('hold');
  });

  it('of an ended epoch needs no copy at the other side', () => {
    const consent = consentOf({ source: found(SWITCHED), destination: MISSING });

    expect(['ended', 'hold']).toEqual([1999, 3010].map((s) => verdictOn(s, A, consent)));
  });
});

describe('a copy that a switch has changed', () => {
  it('has the next revision, and a format that a function without switching does not read', () => {
    const changed = switchedRow(FIRST, { tag: 'claimed', closing: true });

    expect(changed).toMatchObject({ revision: 2, format: 2, tag: 'claimed', closing: true });
    expect(switchedRow(changed, { tag: 'open' })).not.toHaveProperty('closing');
    expect([FIRST, changed, SWITCHED].map(wasSwitched)).toEqual([false, true, true]);
  });

  it('ends its newest epoch once', () => {
    const ended = endedEpochs(FIRST, 'lost', second(1200));

    expect(ended).toEqual([{ ...FIRST.epochs[0], toMs: second(1200), end: 'lost' }]);
    expect(endedEpochs({ ...FIRST, epochs: ended }, 'drained', second(1300))).toBe(ended);
  });
});
