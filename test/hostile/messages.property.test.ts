// Whatever lies in the queue, the bucket, the state table or a report: read, or counted and left in place.
// Nothing of it stops what lies behind it.

// What a property demands depends on what was drawn; tallies make sure that each case has been met.
/* oxlint-disable vitest/no-conditional-expect */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { keysOfReport } from '../../src/cli/report-file.ts';
import type { Item } from '../../src/model/attribute-value.ts';
import { isSegmentCount, parseRun, parseSegment } from '../../src/backfill/checkpoint.ts';
import { cursorJson, parseBulkTask, parseCursor } from '../../src/bulk/task.ts';
import type { ControlRow } from '../../src/model/control-row.ts';
import { destinationHealth } from '../../src/replicate/destination-health.ts';
import { parseReportLine } from '../../src/verify/difference-report.ts';
import { parseFailureMessage } from '../../src/model/failure-message.ts';
import { describeError, FerryError, UsageError } from '../../src/errors.ts';
import { openBackfill } from '../../src/backfill/run.ts';
import { matches, parseDeadLetters } from '../../src/redrive/dead-letter.ts';
import { redrive } from '../../src/redrive/redrive.ts';
import type { ItemReader, ObjectStore } from '../../src/ports.ts';
import { failurePlaces, type FailurePlaces } from '../fixtures/failure-places.ts';
import { KINESIS_ARN, KINESIS_SOURCE, kinesisRecord } from '../fixtures/kinesis-records.ts';
import { lambdaRecord, SETTINGS } from '../fixtures/records.ts';
import { controlRow, invocation, NOW_MS, scripted, serviceError } from '../fixtures/replication.ts';
import { VirtualClock } from '../local/fixtures/virtual-clock.ts';
import {
  anyJson,
  change,
  changed,
  expanded,
  hostileText,
  hostileValue,
  runs,
} from './arbitrary.ts';

const LETTER = {
  schemaVersion: 1,
  replication: 'orders',
  reason: { class: 'rejected', name: 'ValidationException', message: 'because' },
  attempts: [],
  failedAt: new Date(NOW_MS).toISOString(),
  sequenceNumber: '5',
  key: { pk: { S: 'a' } },
  record: lambdaRecord({ id: 'a', sequenceNumber: '5' }),
};
const { record: _, ...POINTER } = { ...LETTER, recordObject: 'dead-letters/1.json' };
const { recordObject: __, ...ABOUT } = POINTER;
const PROJECTED = { ...ABOUT, eventName: 'REMOVE', streamArn: LETTER.record.eventSourceARN };
const BATCH_INFO = {
  shardId: 'shardId-1',
  startSequenceNumber: '1',
  endSequenceNumber: '2',
  streamArn: LETTER.record.eventSourceARN,
};
const RANGE = {
  requestContext: { condition: 'RetryAttemptsExhausted' },
  timestamp: LETTER.failedAt,
  DDBStreamBatchInfo: BATCH_INFO,
};
const BATCH = { ...RANGE, payload: JSON.stringify({ Records: [LETTER.record] }) };
const OPEN_BATCH = { ...RANGE, payload: { Records: [LETTER.record, lambdaRecord({ id: 'b' })] } };

/** Too old to be replayed, of a key that the table does not take; and a range that no stream has. */
const OLD = {
  ...LETTER,
  failedAt: 'long ago',
  record: lambdaRecord({ keys: { other: { S: 'a' } } }),
};
/** Of another replication, and of another table. */
const THEIRS = { ...LETTER, replication: 'users' };
const STRANGE = {
  ...RANGE,
  payload: {
    Records: [
      lambdaRecord({ streamArn: LETTER.record.eventSourceARN?.replace('Orders', 'Users') ?? '' }),
    ],
  },
};
const OF_KINESIS = {
  requestContext: { functionArn: 'ferry-orders-replicate', condition: 'RetryAttemptsExhausted' },
  timestamp: LETTER.failedAt,
  KinesisBatchInfo: { ...BATCH_INFO, streamArn: KINESIS_ARN },
};
const KINESIS_LETTER = { ...LETTER, record: kinesisRecord(LETTER.record) };
const KINESIS_BATCH = {
  ...OF_KINESIS,
  payload: {
    Records: [
      kinesisRecord(LETTER.record),
      kinesisRecord(LETTER.record, { place: 1, tableName: 'Customers' }),
    ],
  },
};
/** Lists both sources. */
const CONTROL: ControlRow = {
  ...controlRow(),
  epochs: controlRow().epochs.map((epoch) => ({
    ...epoch,
    streams: [...epoch.streams, KINESIS_SOURCE],
  })),
};
const NOWHERE = { ...RANGE, DDBStreamBatchInfo: { ...BATCH_INFO, shardId: 'nonsense' } };

const WHOLE: readonly object[] = [LETTER, POINTER, PROJECTED, RANGE, BATCH, OPEN_BATCH];
/** OLD twice: with changes, few of them still ask the source. */
const KINESIS = [OF_KINESIS, KINESIS_BATCH, KINESIS_LETTER];
const DOCUMENTS = [...WHOLE, ...KINESIS, OLD, OLD, NOWHERE, THEIRS, STRANGE];

/** A message's body or an object's: mostly like a real one. */
const body = fc.oneof(
  { weight: 1, arbitrary: hostileText },
  { weight: 1, arbitrary: hostileValue.map((value) => JSON.stringify(expanded(value))) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...DOCUMENTS), fc.array(change, { maxLength: 3 }))
      .map(([document, changes]) => JSON.stringify(expanded(changed(document, changes)))),
  },
);

describe('a message or an object', () => {
  it('is read or called unreadable, and a filter can be asked about its records', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(body, hostileText, (text, reason) => {
        const message = parseFailureMessage(text, 'orders');
        kinds.add(message.kind);
        if (message.kind !== 'records') return;
        for (const letter of parseDeadLetters(message.records, controlRow(), SETTINGS)) {
          expect(Number.isFinite(letter.failedAtMs)).toBe(true);
          expect(letter.reason).toMatch(/^[^\p{C}]{1,100}$/u);
          matches(letter, { reason });
          matches(letter, { keyText: '[["pk",["S","a"]]]' });
        }
      }),
      runs(1_500),
    );
    expect([...kinds].toSorted()).toEqual(['foreign', 'range', 'records', 'stored', 'unreadable']);
  });

  it('is no letter of this replication, whatever the name of another one is', () => {
    const other = anyJson.filter((value) => value !== 'orders');
    fc.assert(
      fc.property(other, (replication) => {
        const text = JSON.stringify({ ...LETTER, replication });
        const { kind } = parseFailureMessage(text, 'orders');
        expect(['foreign', 'unreadable']).toContain(kind);
      }),
      runs(300),
    );
  });

  it.each([
    'reports/run/1.jsonl',
    'aws/lambda/x',
    '',
    'dead-letters/../x.json',
    `dead-letters/${'x'.repeat(300)}.json`,
  ])('names no object but a letter: %j', (recordObject) => {
    const text = JSON.stringify({ ...POINTER, recordObject });

    expect(parseFailureMessage(text, 'orders')).toMatchObject({ kind: 'unreadable' });
  });
});

const GOOD = Array.from({ length: 3 }, (__, index) =>
  lambdaRecord({ id: `good-${index}`, sequenceNumber: String(index + 1) }),
);
const goodLetter = (record: object) => JSON.stringify({ ...LETTER, record });

/** Objects whose bytes are no UTF-8, as the adapter tells of them. */
function withBroken(bucket: ObjectStore, broken: ReadonlySet<string>): ObjectStore {
  return {
    ...bucket,
    async get(key) {
      if (!broken.has(key)) return bucket.get(key);
      throw new FerryError(`The object ${key} is not text.`, { code: 'objects.unreadable' });
    },
  };
}

/** Like a table with one key, of type S. */
const table: ItemReader = {
  async get(key: Item) {
    const names = Object.keys(key).join();
    if (!/^(pk|id)$/.test(names) || !Object.values(key)[0]?.S)
      throw serviceError('ValidationException');
    return undefined;
  },
};

async function redriveAll(places: FailurePlaces, broken: ReadonlySet<string>, apply: boolean) {
  const { random, remainingMs } = invocation();
  const twinWriter = scripted((request) => {
    if (JSON.stringify(request.input).includes('odd')) throw serviceError('ValidationException');
    return { kind: 'written' };
  });
  const bucket = withBroken(places.bucket, broken);
  const clock = new VirtualClock(NOW_MS);
  const [source, twin, ledger] = [table, table, table];
  const readRange = async ({ streamArn, shardId }: { streamArn: string; shardId: string }) => {
    if (streamArn === BATCH_INFO.streamArn && shardId === 'shardId-1') return 'trimmed' as const;
    throw serviceError('ValidationException');
  };
  const outside = {
    rules: SETTINGS,
    control: CONTROL,
    withoutSource: false,
    lookAgain: { announce: async () => undefined },
    clock,
    random,
    remainingMs,
  };
  const stores = { twinWriter, queue: places.queue, bucket, source, twin, ledger, readRange };
  const report = await redrive(
    { ...outside, ...stores, health: destinationHealth() },
    {
      apply,
      filter: {},
      limit: Infinity,
      recordsPerSecond: 1e9,
      hiddenSeconds: 300,
      stop: new AbortController().signal,
      onProgress: () => undefined,
    },
  );
  return { report, written: JSON.stringify(twinWriter.requests) };
}

it('does not stop a redrive: what can be read is applied, the rest is counted and stays', async () => {
  const tally = { unreadable: 0, foreign: 0, failing: 0, resynchronized: 0, trimmed: 0 };
  const many = fc.array(body, { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(many, many, fc.nat(), fc.boolean(), async (messages, objects, at, apply) => {
      const places = failurePlaces();
      const bodies = messages.toSpliced(
        at % (messages.length + 1),
        0,
        ...GOOD.slice(0, 2).map(goodLetter),
      );
      for (const one of bodies) places.post(one);
      for (const [index, text] of objects.entries())
        await places.bucket.put(`aws/lambda/${index}`, text);
      await places.bucket.put('aws/lambda/7-broken', 'never read');
      await places.bucket.put('aws/lambda/9-good', goodLetter(GOOD[2] ?? {}));
      await places.bucket.put('dead-letters/1.json', JSON.stringify(lambdaRecord()));
      const before = places.contents();

      const { report, written } = await redriveAll(places, new Set(['aws/lambda/7-broken']), apply);

      const after = places.contents();
      for (const name of Object.keys(tally) as Array<keyof typeof tally>)
        tally[name] += report[name];
      const { applied, superseded, coalesced, skipped, resynchronized, left } = report;
      expect(report.found).toBe(applied + superseded + coalesced + skipped + resynchronized + left);
      expect(total(report.reasons)).toBe(report.matched);
      expect(total(report.failures)).toBe(report.failing);
      expect(report.unreadable).toBeGreaterThan(0);
      expect(after.objects.map(([key]) => key)).toContain('aws/lambda/7-broken');
      // Nothing is changed but by removing what is final.
      expect(before.messages).toEqual(expect.arrayContaining(after.messages));
      if (apply)
        for (const { dynamodb } of GOOD) expect(written).toContain(dynamodb?.Keys?.['pk']?.S);
      else expect(after).toEqual(before);
      const gone =
        before.messages.length +
        before.objects.length -
        after.messages.length -
        after.objects.length;
      if (apply) expect(gone).toBeGreaterThanOrEqual(GOOD.length);
    }),
    runs(250),
  );
  for (const count of Object.values(tally)) expect(count).toBeGreaterThan(5);
});

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

const HEADER = {
  ferry: 'differences',
  replication: 'orders',
  source: 's',
  destination: 'd',
  startedAt: 'now',
};
const DIFFERENCE = {
  kind: 'different',
  key: { pk: { S: 'a' } },
  attributes: ['total'],
  source: { total: { N: '1' } },
  reason: 'ValidationError: because',
};
const line = fc.oneof(
  hostileText,
  hostileValue.map((value) => JSON.stringify(expanded(value))),
  fc
    .tuple(
      fc.constantFrom<object>(HEADER, DIFFERENCE, { summary: { items: 1 } }),
      fc.array(change, { maxLength: 2 }),
    )
    .map(([value, changes]) => JSON.stringify(expanded(changed(value, changes)))),
);

describe('a report', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ferry-hostile-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'report.jsonl');
  const keysOf = async () => {
    const keys: Item[] = [];
    const expected = {
      replication: 'orders',
      keys: [{ name: 'pk', type: 'S' as const }],
      onUnfinished: () => undefined,
    };
    for await (const key of keysOfReport(path, expected)) keys.push(key);
    return keys;
  };
  const refusal = async () => {
    try {
      return `accepted with ${(await keysOf()).length} keys`;
    } catch (error) {
      return describeError(error);
    }
  };

  it('has lines that are read or not, and of which a reader can trust the form', () => {
    fc.assert(
      fc.property(line, (text) => {
        const parsed = parseReportLine(text);
        if (parsed?.kind === 'header') expect(typeof parsed.header.replication).toBe('string');
        if (parsed?.kind === 'summary') expect(parsed.summary).not.toBeNull();
        if (parsed?.kind !== 'key') return;
        const { difference } = parsed;
        for (const name of difference?.attributes ?? []) expect(typeof name).toBe('string');
      }),
      runs(1_000),
    );
  });

  it('gives keys of its table, or is refused without a word of its contents', async () => {
    const tally = { read: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 4 }), async (lines) => {
        writeFileSync(path, [JSON.stringify(HEADER), ...lines].join('\n'));
        try {
          for (const key of await keysOf()) expect(Object.keys(key)).toEqual(['pk']);
          tally.read += 1;
        } catch (error) {
          if (!(error instanceof UsageError)) throw error;
          expect(error.message).toContain(path);
          tally.refused += 1;
        }
      }),
      runs(200),
    );
    for (const count of Object.values(tally)) expect(count).toBeGreaterThan(5);
  });

  it('is refused where a key has been damaged: another item must not take its place', async () => {
    const damaged = JSON.stringify({ kind: 'missing', key: { pk: { S: 'caf\u00e9' } } });
    writeFileSync(path, Buffer.from(`${JSON.stringify(HEADER)}\n${damaged}\n`, 'latin1'));

    await expect(keysOf()).rejects.toThrow(UsageError);
    await expect(keysOf()).rejects.toThrow(/UTF-8/);
  });

  it('does not tell the contents of a line that it refuses', async () => {
    const lines = [
      { kind: 'different', key: { id: { S: 'k' } }, source: { name: { S: 'SECRET' } } },
    ];
    const torn = '{"source":{"name":{"S":"SECRET"}}';
    writeFileSync(path, [HEADER, ...lines].map((one) => JSON.stringify(one)).join('\n'));
    const refused = await refusal();
    writeFileSync(path, `${JSON.stringify(HEADER)}\n${torn}\n{"summary":{}}`);

    expect(refused).toMatch(/line 2 names no key of this table: \{"id":\{"S":"k"\}\}/);
    const again = await refusal();
    expect(again).toMatch(/line 2/);
    expect(refused + again).not.toContain('SECRET');
  });
});

/** A row of the state table, as DynamoDB gives it: attributes of known types. */
const value = fc.oneof(
  hostileText.map((S) => ({ S })),
  fc.oneof(hostileText, fc.constantFrom('-1', '0', '1e9', '1.5', 'NaN')).map((N) => ({ N })),
  fc.boolean().map((BOOL) => ({ BOOL })),
  fc.constantFrom<object>(
    { NULL: true },
    { L: [] },
    { M: {} },
    { M: { items: { S: 'x' }, copied: { N: 'x' } } },
  ),
);
const row = (names: readonly string[]) =>
  fc
    .array(fc.tuple(fc.oneof(fc.constantFrom(...names), hostileText), value), { maxLength: 8 })
    .map((all) => Object.fromEntries(all) as unknown as Item);

describe('a row of the state table', () => {
  it('is a run that can be gone on with, or none', () => {
    const names = [
      'run',
      'totalSegments',
      'streamArn',
      'destination',
      'startedAt',
      'execution',
      'finishedAt',
    ];
    const whole = { run: { S: 'r' }, streamArn: { S: 'arn' }, totalSegments: { N: '4' } };
    let found = 0;
    fc.assert(
      fc.property(row(names), fc.boolean(), (some, complete) => {
        const run = parseRun(complete ? { ...whole, ...some } : some);
        if (run === undefined) return;
        found += 1;
        expect(isSegmentCount(run.totalSegments)).toBe(true);
        expect(typeof run.startedAt).toBe('string');
      }),
      runs(1_000),
    );
    expect(found).toBeGreaterThan(50);
  });

  it('is not taken for none where it makes no sense: two backfills would be at work', async () => {
    const stored = { run: { S: 'r' }, streamArn: { S: 'arn' }, totalSegments: { N: '1e9' } };
    const { clock, random, twinWriter } = invocation();
    const stop = new AbortController().signal;
    const ledger = { get: async () => stored };
    const context = { rules: SETTINGS, clock, random, twinWriter, stop, ledger };
    const fresh = {
      run: 'f',
      totalSegments: 1,
      streamArn: 'arn',
      destination: 'd',
      startedAt: 'now',
    };
    const open = (restart: boolean) => openBackfill(fresh, restart, context);

    await expect(open(false)).rejects.toMatchObject({ code: 'backfill.unreadable' });
    expect(await open(true)).toEqual({ run: fresh, resumed: false });
  });

  it('is the progress of a segment in numbers that can be added', () => {
    fc.assert(
      fc.property(row(['counts', 'done', 'next']), (some) => {
        const { counts, done } = parseSegment(some);
        expect(typeof done).toBe('boolean');
        expect(Object.values(counts).every(Number.isFinite)).toBe(true);
        expect(Object.keys(counts)).toHaveLength(11);
      }),
      runs(500),
    );
  });
});

describe('a bulk task', () => {
  const run = { run: 'r', totalSegments: 4, streamArn: 'arn', destination: 'd', startedAt: 'now' };
  const tasks = [
    { segment: 1, part: 0, task: { operation: 'backfill', run, writeUnits: 5 } },
    {
      segment: 0,
      cursor: cursorJson({ source: { ended: true }, destination: { ended: false } }),
      task: { operation: 'verify', run: 'r', totalSegments: 4, settleMs: 0, values: false },
    },
    {
      segment: 1,
      cursor: 'aws/lambda/b',
      task: { operation: 'redrive', run: 'r', boundaries: ['aws/lambda/a', 'z'], filter: {} },
    },
  ];
  const event = fc.oneof(
    hostileValue,
    fc
      .tuple(fc.constantFrom<object>(...tasks), fc.array(change, { maxLength: 2 }))
      .map(([task, changes]) => changed(task, changes)),
  );

  it('is one that can be worked on, or is refused without its contents', () => {
    const tally = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(event, (drawn) => {
        let refusal: unknown;
        try {
          const { segment, task, part } = parseBulkTask(expanded(drawn));
          expect([segment, part].every(Number.isSafeInteger)).toBe(true);
          if (task.operation === 'redrive') {
            expect(typeof task.boundaries[segment]).toBe('string');
          } else {
            const { totalSegments } = task.operation === 'backfill' ? task.run : task;
            expect(isSegmentCount(totalSegments)).toBe(true);
          }
          tally.taken += 1;
        } catch (error) {
          refusal = error;
          tally.refused += 1;
        }
        if (refusal !== undefined)
          expect(describeError(refusal)).toMatch(/^Error: A segment's task must have/);
      }),
      runs(500),
    );
    for (const count of Object.values(tally)) expect(count).toBeGreaterThan(20);
  });

  it('has a cursor that is whole, or is refused', () => {
    const cursor = {
      source: { ended: false, after: { pk: { B: 'AP8=' } } },
      destination: { ended: true },
    };
    const text = fc
      .array(change, { maxLength: 2 })
      .map((changes) => JSON.stringify(expanded(changed(cursor, changes))));
    fc.assert(
      fc.property(fc.oneof(text, hostileText), (json) => {
        let parsed: ReturnType<typeof parseCursor> | undefined;
        try {
          parsed = parseCursor(json);
        } catch (error) {
          expect(String(error)).toMatch(
            /^(Error: A cursor must|MalformedValue: after|SyntaxError: )/,
          );
        }
        for (const side of parsed === undefined ? [] : [parsed.source, parsed.destination]) {
          expect(typeof side.ended).toBe('boolean');
        }
      }),
      runs(500),
    );
  });
});
