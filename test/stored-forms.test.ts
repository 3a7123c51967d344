// What release 0.2.0 stored, as its own code wrote it (test/fixtures/stored-0.2.0): this release reads it; and what this
// release writes for the same facts holds all of it, so 0.2.0 can read it after a rollback.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { announcementBodies, parseAnnouncement } from '../src/model/announcement.ts';
import type { Item } from '../src/model/attribute-value.ts';
import { parseControlRow, putControlRow } from '../src/model/control-item.ts';
import { type DeadLetter, deadLetterMessage } from '../src/model/dead-letter.ts';
import { parseFailureMessage } from '../src/model/failure-message.ts';
import {
  parseReconciliation,
  putReconciliation,
  type Reconciliation,
  reconciliationKey,
} from '../src/model/reconciliation-row.ts';
import {
  changeShards,
  isRunRow,
  leaseKey,
  parseLease,
  parsePosition,
  parseShards,
  parseSource,
  positionKey,
  putLease,
  putPosition,
  putSource,
  shardsKey,
} from '../src/model/run-rows.ts';

const stored = (name: string) =>
  readFileSync(new URL(`./fixtures/stored-0.2.0/${name}.json`, import.meta.url), 'utf8').trim();
const json = (text: string) => JSON.parse(text) as Record<string, unknown>;
const ofFormat = (format: unknown, text: string) => JSON.stringify({ ...json(text), format });

const NAMED = { replication: 'orders', stateTable: 'ferry-orders-state' };
const VERSION = '0001.1769860800000.0000000000000000000000000000000000000007';
const FAILED_AT_MS = Date.UTC(2026, 0, 31, 12, 0, 1, 500);
const OBJECT_KEY = 'dead-letters/2026-01-31/6a1c0b52-8d0e-4c0b-9d5c-2f6f0c5f1b11.json';

describe('the control row', () => {
  const rows = ['control-row', 'control-row-next-epoch', 'control-row-paused'];

  it.each(rows)('of 0.2.0 is read, and written again as it was: %s', (name) => {
    const item = json(stored(name)) as Item;

    const found = parseControlRow(item);

    if (found.kind !== 'row') throw new Error(`it is ${found.kind}`);
    expect(putControlRow(found.row, NAMED).input).toMatchObject({ Item: item });
  });

  it('holds a projection beside what 0.2.0 wrote: a reader that does not know it reads the rest', () => {
    const item = json(stored('control-row')) as Item;
    const withOne = { ...item, projection: { S: 'd'.repeat(64) } };

    const found = parseControlRow(withOne);

    if (found.kind !== 'row') throw new Error(`it is ${found.kind}`);
    expect(putControlRow(found.row, NAMED).input).toMatchObject({ Item: withOne });
    // A release that writes the row back without it makes the next backfill compare everything.
    const { projection: _, ...known } = found.row;
    expect(parseControlRow(item)).toEqual({ kind: 'row', row: known });
  });

  it.each([3, 9])('of format %i is refused', (format) => {
    const item = { ...(json(stored('control-row')) as Item), format: { N: String(format) } };

    const problem = `its format is ${format}; this release reads 1 and 2`;
    expect(parseControlRow(item)).toEqual({ kind: 'unreadable', problem });
  });
});

describe('a dead letter', () => {
  const body = stored('dead-letter');
  const record = json(stored('dead-letter-record'));
  const about = { reason: 'ValidationException', failedAtMs: FAILED_AT_MS };

  it('of 0.2.0 is read, whole or with its record in an object', () => {
    expect(parseFailureMessage(body, 'orders')).toEqual({
      kind: 'records',
      records: [{ ...about, record }],
    });
    expect(parseFailureMessage(stored('dead-letter-pointer'), 'orders')).toEqual({
      kind: 'stored',
      objectKey: OBJECT_KEY,
      ...about,
    });
  });

  it('holds what 0.2.0 wrote, and its format', () => {
    const { schemaVersion: _, ...facts } = json(body);
    const key = { pk: { S: 'order-ü' }, sk: { B: Buffer.from([0, 1, 2]) } };
    const letter = { ...facts, key } as unknown as DeadLetter;

    const whole = deadLetterMessage(letter, { sizeBytesMax: 1e6, objectKey: OBJECT_KEY });
    const apart = deadLetterMessage(letter, { sizeBytesMax: 10, objectKey: OBJECT_KEY });

    expect(json(whole.body)).toEqual({ ...json(body), format: 1 });
    expect(json(apart.body)).toEqual({ ...json(stored('dead-letter-pointer')), format: 1 });
    expect('record' in apart && json(apart.record)).toEqual(record);
  });

  it.each([2, '1', null, {}])('of format %j is unreadable: it stays where it is', (format) => {
    expect(parseFailureMessage(ofFormat(format, body), 'orders').kind).toBe('unreadable');
  });
});

describe('a projected dead letter', () => {
  const key = { pk: { S: 'order-ü' }, sk: { B: Buffer.from([0, 1, 2]) } };
  const letter: DeadLetter = {
    replication: 'orders',
    reason: { class: 'rejected', name: 'ProjectionFailed', message: 'It is left out.' },
    attempts: [],
    failedAt: new Date(FAILED_AT_MS).toISOString(),
    sequenceNumber: '7',
    version: VERSION,
    key,
    eventName: 'MODIFY',
    streamArn:
      'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
  };
  const { body, ...rest } = deadLetterMessage(letter, { sizeBytesMax: 10, objectKey: OBJECT_KEY });
  const Keys = { pk: { S: 'order-ü' }, sk: { B: 'AAEC' } };

  it('has no record for which 0.2.0 could delete it: there, it fails as MalformedRecord and stays', () => {
    expect(json(body)).toEqual({ schemaVersion: 1, format: 1, ...letter, key: Keys });
    expect(rest).toEqual({});
  });

  it('is read as a record without images', () => {
    const { eventName, streamArn: eventSourceARN } = letter;
    const record = { eventName, eventSourceARN, dynamodb: { Keys, SequenceNumber: '7' } };

    expect(parseFailureMessage(body, 'orders')).toEqual({
      kind: 'records',
      records: [
        { reason: 'ProjectionFailed', failedAtMs: FAILED_AT_MS, record, isProjected: true },
      ],
    });
    expect(parseFailureMessage(body, 'others')).toEqual({ kind: 'foreign' });
  });

  it.each([2, '1', null, {}])('of format %j is unreadable: it stays where it is', (format) => {
    expect(parseFailureMessage(ofFormat(format, body), 'orders').kind).toBe('unreadable');
  });
});

describe('an announcement of deletes', () => {
  const body = stored('announcement');
  const key = { pk: { S: 'order-ü' }, sk: { B: Buffer.from([0, 1, 2]) } };
  const deletes = [{ key, version: VERSION }];

  it('of 0.2.0 is read, and written as it was', () => {
    const read = parseAnnouncement(body);

    expect(read).toMatchObject({
      replication: 'orders',
      epoch: 2,
      deletes: [{ version: VERSION }],
    });
    const written = announcementBodies({ replication: 'orders', epoch: 2, deletes });
    expect(written.map(json)).toEqual([json(body)]);
    expect(read && announcementBodies(read)).toEqual(written);
  });

  it.each([2, undefined])('of format %j is not taken for one', (format) => {
    expect(parseAnnouncement(ofFormat(format, body))).toBeUndefined();
  });
});

describe('what `ferry run` keeps', () => {
  const place = { ...NAMED, sourceArn: 'arn:stream' };
  const position = { after: '7', closed: false, atMs: FAILED_AT_MS, keptMs: 86_400_000 };
  const lease = { holder: 'host/1', fence: 3, beat: 9, released: false };
  /** As they are stored from now on. */
  const rows: Readonly<Record<string, Item>> = {
    position: {
      id: { S: 'orders#position#shardId-1' },
      format: { N: '1' },
      source: { S: 'arn:stream' },
      after: { S: '7' },
      closed: { BOOL: false },
      at: { N: String(FAILED_AT_MS) },
      keptMs: { N: '86400000' },
      fence: { N: '3' },
    },
    shards: {
      id: { S: 'orders#positions#arn:stream' },
      format: { N: '1' },
      shards: { SS: ['shardId-1'] },
    },
    lease: {
      id: { S: 'orders#lease' },
      format: { N: '1' },
      holder: { S: 'host/1' },
      fence: { N: '3' },
      beat: { N: '9' },
      released: { BOOL: false },
    },
  };
  const row = (name: string): Item => rows[name] ?? {};

  it('is written in this form', () => {
    const put = putPosition(place, 'shardId-1', position, lease.fence);
    expect(put.input).toMatchObject({ Item: row('position') });
    expect(positionKey(place, 'shardId-1')).toEqual({ id: row('position')['id'] });
    expect(putLease(NAMED, lease, undefined).input).toMatchObject({ Item: row('lease') });
    expect(leaseKey(NAMED)).toEqual({ id: row('lease')['id'] });
    expect(shardsKey(place)).toEqual({ id: row('shards')['id'] });
    expect(changeShards(place, 'ADD', ['shardId-1']).input).toMatchObject({
      UpdateExpression: 'SET #format = :format ADD #shards :ids',
      ExpressionAttributeValues: { ':format': { N: '1' }, ':ids': { SS: ['shardId-1'] } },
    });
  });

  it('is read from it, a position without a record or a retention as well', () => {
    expect(parsePosition(row('position'), place)).toEqual(['shardId-1', position]);
    const { after: _, keptMs: __, ...least } = row('position');
    const without = { ...position, after: undefined, keptMs: undefined };
    expect(parsePosition(least, place)).toEqual(['shardId-1', without]);
    expect(parseShards(row('shards'))).toEqual(['shardId-1']);
    expect(parseLease(row('lease'))).toEqual(lease);
  });

  it.each([{ N: '2' }, { S: '1' }, undefined])('of format %j is refused', (format) => {
    const other = (name: string) => ({ ...row(name), format }) as Item;

    expect(parsePosition(other('position'), place)).toBe('unreadable');
    expect(parseShards(other('shards'))).toBeUndefined();
    expect(parseLease(other('lease'))).toBe('unreadable');
    expect(parseSource({ ...SOURCE_ROW, format } as Item)).toBeNull();
  });

  it('is one that names the stream, too', () => {
    expect(putSource(place, 3).input).toMatchObject({ Item: SOURCE_ROW });
    expect(parseSource(SOURCE_ROW)).toBe(place.sourceArn);
    expect(parseSource(undefined)).toBeUndefined();
  });

  const SOURCE_ROW: Item = {
    id: { S: 'orders#source' },
    format: { N: '1' },
    source: { S: place.sourceArn },
    fence: { N: '3' },
  };
});

describe('what comparisons on a schedule keep', () => {
  const good = {
    run: 'r1',
    startedAtMs: 1_000,
    endedAtMs: 2_000,
    items: 12,
    destinationItems: 11,
    leftOut: 0,
    ranges: 3,
    rangesTotal: 300,
    largestRange: 5,
    differences: 2,
    inFlight: 0,
    unreadable: 0,
    repaired: 1,
    left: 1,
  };
  const whole: Reconciliation = {
    revision: 7,
    sinceMs: 2_000,
    good,
    failed: { run: 'r2', startedAtMs: 3_000, endedAtMs: 4_000, reason: 'why' },
    running: { run: 'r3', startedAtMs: 5_000, execution: 'arn:r3' },
  };
  /** As it is stored from now on. */
  const stored: Item = {
    id: { S: 'orders#reconciliation' },
    format: { N: '1' },
    revision: { N: '7' },
    since: { N: '2000' },
    good: {
      M: {
        run: { S: 'r1' },
        startedAtMs: { N: '1000' },
        endedAtMs: { N: '2000' },
        items: { N: '12' },
        destinationItems: { N: '11' },
        leftOut: { N: '0' },
        ranges: { N: '3' },
        rangesTotal: { N: '300' },
        largestRange: { N: '5' },
        differences: { N: '2' },
        inFlight: { N: '0' },
        unreadable: { N: '0' },
        repaired: { N: '1' },
        left: { N: '1' },
      },
    },
    failed: {
      M: {
        run: { S: 'r2' },
        startedAtMs: { N: '3000' },
        endedAtMs: { N: '4000' },
        reason: { S: 'why' },
      },
    },
    running: { M: { run: { S: 'r3' }, startedAtMs: { N: '5000' }, execution: { S: 'arn:r3' } } },
  };

  it('is written in this form, over the revision before', () => {
    const { input } = putReconciliation(NAMED, whole);

    expect(input).toMatchObject({
      Item: stored,
      ExpressionAttributeValues: { ':before': { N: '6' } },
    });
    expect(reconciliationKey(NAMED)).toEqual({ id: stored['id'] });
  });

  it('is read from it, and before the first run', () => {
    const { good: _, failed: __, running: ___, ...first } = stored;

    expect(parseReconciliation(stored)).toEqual(whole);
    expect(parseReconciliation(first)).toEqual({ revision: 7, sinceMs: 2_000 });
    expect(parseReconciliation(undefined)).toBeUndefined();
  });

  it('counts nothing for what an earlier release did not count', () => {
    const { leftOut: _, ...known } = stored['good']?.M ?? {};

    expect(parseReconciliation({ ...stored, good: { M: known } })).toEqual(whole);
  });

  it.each([{ N: '2' }, { S: '1' }, undefined])('of format %j is refused', (format) => {
    expect(parseReconciliation({ ...stored, format } as Item)).toBe('unreadable');
  });

  it('says nothing of what has been replicated', () => {
    expect(isRunRow(stored, NAMED)).toBe(true);
  });
});
