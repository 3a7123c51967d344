// Which Region a command takes for the active one, by what both copies of the control row show it.

import { describe, expect, it } from 'vitest';
import { activeRegion, type SeenCopy } from '../../src/model/active-region.ts';
import { type ControlRow, type Epoch, firstRow } from '../../src/model/control-row.ts';
import { switchRecord } from '../fixtures/switched-regions.ts';

const [A, B] = ['us-east-1', 'eu-west-1'];
const epoch = (n: number, region: string, more: Partial<Epoch> = {}): Epoch => ({
  n,
  region,
  fromMs: n * 1_000,
  streams: [`stream of ${region}`],
  ...more,
});
const FIRST = [epoch(1, A)];
const SWITCHED = [epoch(1, A, { toMs: 2_000, end: 'drained' }), epoch(2, B)];
const LOST = [epoch(1, A, { toMs: 2_000, end: 'lost' }), epoch(2, B)];
const base = firstRow({
  region: A,
  streamArn: 's',
  reserved: '_ferry',
  destinationId: 'd',
  ledgerId: 'l',
  tag: 't',
  nowMs: 0,
});
const row = (epochs: readonly Epoch[], more: Partial<ControlRow> = {}): SeenCopy => ({
  kind: 'row',
  row: { ...base, epochs, ...more },
});
const MISSING: SeenCopy = { kind: 'missing' };
const UNREACHED: SeenCopy = { kind: 'unreached', why: 'nothing answers' };
const UNREADABLE: SeenCopy = { kind: 'unreadable', problem: 'its format is 9' };
const seen = (source: SeenCopy, destination: SeenCopy) =>
  activeRegion([
    { region: A, found: source },
    { region: B, found: destination },
  ]);

describe('the active Region', () => {
  it.each<[string, SeenCopy, SeenCopy, string]>([
    ['both say so', row(FIRST), row(FIRST), A],
    ['both say so after a switch', row(SWITCHED), row(SWITCHED), B],
    ['the other copy is missing, and nothing was ever switched', MISSING, row(FIRST), A],
    ['a Region that was lost is back', row(LOST), row(LOST), B],
  ])('is known where %s', (_, source, destination, region) => {
    const state = seen(source, destination);

    expect(state).toMatchObject({ kind: 'active', closing: false, epoch: { region } });
    expect(state).not.toHaveProperty('apart');
    expect(state).not.toHaveProperty('lost');
    expect(state).not.toHaveProperty('switch');
  });

  it.each<[string, SeenCopy, SeenCopy, RegExp]>([
    [
      'different Regions',
      row(FIRST),
      row(SWITCHED),
      /eu-west-1 is active.* and .* us-east-1 is active/,
    ],
    [
      'one copy of a switched replication',
      row(SWITCHED),
      MISSING,
      /, and there is none in eu-west-1$/,
    ],
    [
      'a copy that cannot be read',
      row(FIRST),
      UNREACHED,
      /, and the control row in eu-west-1 cannot be read: nothing answers$/,
    ],
  ])('is apart with %s', (_, source, destination, apart) => {
    expect(seen(source, destination)).toMatchObject({
      kind: 'active',
      apart: expect.stringMatching(apart) as string,
    });
  });

  it.each<[string, SeenCopy, SeenCopy, string]>([
    [
      'a copy is of another release',
      row(FIRST),
      UNREADABLE,
      'eu-west-1 cannot be read: its format is 9',
    ],
    ['neither can be read', UNREACHED, UNREACHED, 'us-east-1 cannot be read: nothing answers'],
    ['one is missing, and one cannot be read', MISSING, UNREACHED, 'eu-west-1 cannot be read'],
  ])('is not known where %s', (_, source, destination, why) => {
    expect(seen(source, destination)).toMatchObject({
      kind: 'unclear',
      why: expect.stringContaining(why) as string,
    });
  });

  it('is nowhere where nothing was ever adopted', () => {
    expect(seen(MISSING, MISSING)).toEqual({ kind: 'unwritten' });
  });
});

describe('what goes on beside it', () => {
  it.each<[string, SeenCopy]>([
    ['does not answer', UNREACHED],
    ['has not rejoined', row(FIRST)],
    ['is rejoining behind closed doors', row(FIRST, { closing: true })],
  ])('is a lost Region that %s', (_, source) => {
    expect(seen(source, row(LOST))).toMatchObject({
      epoch: { region: B },
      lost: { region: A, sinceMs: 2_000 },
    });
  });

  it('is a switch, in whichever copy it is written down', () => {
    const record = switchRecord();

    expect(seen(row(FIRST, { switch: record }), row(FIRST))).toMatchObject({ switch: record });
    expect(seen(row(FIRST), row(FIRST, { switch: record }))).toMatchObject({ switch: record });
    // Between the two writes that end it.
    const between = seen(row(FIRST, { switch: record, closing: true }), row(SWITCHED));
    expect(between).toMatchObject({ switch: record, epoch: { region: B }, closing: true });
    expect(between).not.toHaveProperty('apart');
  });

  it('is an adoption between its two copies', () => {
    const adopted = [epoch(1, A, { toMs: 2_000, end: 'adopted' }), epoch(2, A)];
    const state = seen(row(FIRST, { closing: true }), row(adopted));

    expect(state).toMatchObject({ epoch: { n: 2, region: A }, closing: true });
    expect(state).not.toHaveProperty('apart');
  });
});
