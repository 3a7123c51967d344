// A backfill beside an application that updates, deletes and inserts again the very items that are being
// copied, while the stream is applied with delays, repetitions and lost answers, and copies are throttled,
// unanswered or applied late. A seed decides every step: SEED=7 SEEDS=1 repeats one.

import { describe, expect, it } from 'vitest';
import { dynamoDbTransactions } from '../../src/aws/dynamodb-table.ts';
import { floorOf, requireSeries } from '../../src/model/guard.ts';
import { below } from '../../src/local/seeded-random.ts';
import { backfill } from '../../src/backfill/backfill.ts';
import { openBackfill } from '../../src/backfill/run.ts';
import { paceOf } from '../../src/pacing/pace.ts';
import { verify } from '../../src/verify/verify.ts';
import type { ReadableTable, TransactionWriter } from '../../src/ports.ts';
import { type LiveTable, liveTable } from '../fixtures/live-table.ts';
import { serviceError } from '../fixtures/replication.ts';
import { contentsOf, judge, twinEvents } from '../fixtures/twin-history.ts';

const FIRST_SEED = Number(process.env['SEED'] ?? '1');
const SEEDS = Number(process.env['SEEDS'] ?? '200');
const TOTAL_SEGMENTS = 3;
/** Independent of each other, and of each other's timing. */
const SEEDS_AT_ONCE = 3;

/** What so many seeds must have seen; a few need not. */
const often = (perSeed: number) => (SEEDS < 20 ? 0 : perSeed * SEEDS);

type Mutation = (transactions: TransactionWriter) => TransactionWriter;

describe('a backfill beside live traffic', () => {
  it(`ends with equal tables, and never shows what was there before (${SEEDS} seeds)`, async () => {
    const sum = { copied: 0, present: 0, deleted: 0, late: 0, catchingUp: 0 };
    await eachSeed(SEEDS, async (seed) => {
      const { judgement, equal, verified, progress, late } = await play(seed, (same) => same);
      expect(judgement.problems, `seed ${seed}`).toEqual([]);
      expect({ equal, verified }, `seed ${seed}`).toEqual({ equal: true, verified: true });
      const { items, copied, present, deleted, rejected } = progress;
      expect(copied + present + deleted, `seed ${seed}`).toBe(items);
      expect(rejected).toBe(0);
      sum.copied += judgement.copies;
      sum.present += present;
      sum.deleted += deleted;
      sum.late += late;
      sum.catchingUp += judgement.catchingUp;
      return true;
    });

    // Otherwise nothing of interest has happened.
    expect(sum.copied).toBeGreaterThanOrEqual(often(1));
    expect(sum.present).toBeGreaterThanOrEqual(often(1));
    expect(sum.deleted).toBeGreaterThanOrEqual(often(0.25));
    expect(sum.late).toBeGreaterThanOrEqual(often(0.1));
    expect(sum.catchingUp).toBeGreaterThanOrEqual(often(0.01));
  });

  it.each([
    ['does not ask for deletes', withoutDeleteCheck],
    ['writes blindly', withoutPutCondition],
  ])('is caught if it %s', async (_, mutation) => {
    let caught: number | undefined;
    await eachSeed(SEEDS, async (seed) => {
      const { judgement, equal, verified } = await play(seed, mutation);
      expect(verified, 'verify and the comparison here').toBe(equal);
      if (!equal || judgement.resurrected > 0) caught ??= seed;
      return caught === undefined;
    });

    expect(caught).toBeDefined();
  });
});

/** Plays seeds, a few at a time, for as long as `one` says so. */
async function eachSeed(count: number, one: (seed: number) => Promise<boolean>): Promise<void> {
  let seed = FIRST_SEED;
  let goesOn = true;
  const worker = async () => {
    while (goesOn && seed < FIRST_SEED + count) {
      const goesOnAfter = await one(seed++);
      goesOn &&= goesOnAfter;
    }
  };
  await Promise.all(Array.from({ length: SEEDS_AT_ONCE }, worker));
}

async function play(seed: number, mutation: Mutation) {
  const items = 10 + ((seed * 7) % 31);
  const live = await liveTable({ seed, items, initialWrites: Math.ceil(1.5 * items) });
  try {
    const writesLeft = 100 + ((seed * 13) % 31) - live.writes.length;
    const transactions = troubled(mutation(dynamoDbTransactions(live.engine.client)), live);
    let working = 2;
    const done = () => (working -= 1);
    const [progress] = await Promise.all([
      copyAll(live, transactions.writer).finally(done),
      application(live, writesLeft).finally(done),
      live.replicate(() => working === 0),
    ]);
    await transactions.landAll();
    // A copy that landed last may have been waiting for records that are applied by now.
    await live.replicate(() => true);
    const { sourceTable, settings } = live;
    const [source, twin] = await Promise.all(
      [sourceTable, settings.destinationTable].map((table) => contentsOf(live.engine, table)),
    );
    const events = await twinEvents(live.engine, settings.destinationTable);
    return {
      progress,
      late: transactions.lateCount(),
      judgement: judge(events, live),
      equal: source === twin,
      verified: await saysEqual(live),
    };
  } finally {
    await live.close();
  }
}

async function application(live: LiveTable, writes: number): Promise<void> {
  for (let count = 0; count < writes; count += 1) await live.write();
}

async function copyAll(live: LiveTable, transactions: TransactionWriter) {
  const { turns, random, settings, streamArn } = live;
  const context = {
    rules: settings,
    ttlDeletes: settings.ttlDeletes,
    epoch: 1,
    lookAgain: { announce: async () => undefined },
    floor: floorOf(requireSeries(streamArn, 1)),
    clock: turns.clock,
    random,
    stop: new AbortController().signal,
    source: watched(live),
    transactions,
    twinWriter: {
      write: (request: Parameters<LiveTable['engine']['twinWriter']['write']>[0]) =>
        turns.take('copy', () => live.engine.twinWriter.write(request)),
    },
    twin: live.twin,
    ledger: live.stateTable,
    readPace: paceOf(Infinity, turns.clock),
    writePace: paceOf(Infinity, turns.clock),
    pageItems: 2 + below(random, 6),
    onRejected: ({ reason }: { reason: string }) => expect.unreachable(reason),
  };
  const fresh = {
    run: 'run',
    totalSegments: TOTAL_SEGMENTS,
    streamArn,
    destination: 'twin',
    startedAt: 'now',
  };
  const { run } = await openBackfill(fresh, false, context);
  return backfill(run, context, { workers: 2, onProgress: () => undefined });
}

/** Tells the application what has just been read, and gives it time before any of it is copied. */
function watched(live: LiveTable): ReadableTable {
  return {
    ...live.source,
    async scan(position) {
      const page = await live.source.scan(position);
      live.hot = page.items.map(({ id }) => id?.S ?? '');
      for (let turns = below(live.random, 12); turns > 0; turns -= 1) await live.turns.pass('copy');
      return page;
    },
  };
}

/** Copies in their turn: throttled, done without an answer, or given up and done later. */
function troubled(writer: TransactionWriter, { random, turns }: LiveTable) {
  const late: Array<Promise<unknown>> = [];
  const land = async (input: Parameters<TransactionWriter['transact']>[0]) => {
    for (let wait = below(random, 30); wait > 0; wait -= 1) await turns.pass('late');
    return turns.take('late', () => writer.transact(input));
  };
  const transact: TransactionWriter['transact'] = (input) =>
    turns.take('copy', async () => {
      const chance = random.next();
      if (chance < 0.05) throw serviceError('ThrottlingException');
      if (chance < 0.12) {
        late.push(land(input));
        throw serviceError('TimeoutError');
      }
      const reply = await writer.transact(input);
      if (chance < 0.16) throw serviceError('ECONNRESET');
      return reply;
    });
  return {
    writer: { transact },
    landAll: () => Promise.all(late),
    lateCount: () => late.length,
  };
}

async function saysEqual(live: LiveTable): Promise<boolean> {
  const nobody = () => undefined;
  const report = await verify(
    {
      source: live.source,
      destination: live.twin,
      rules: { reservedAttribute: '_ferry' },
      clock: live.turns.clock,
      settleMs: 0,
      stop: new AbortController().signal,
      onDifference: nobody,
      onInFlight: nobody,
      onUnreadable: nobody,
    },
    { segments: [0, 1], totalSegments: 2, workers: 2, onProgress: nobody },
  );
  const { missing, different, extraneous, inFlight, unreadable } = report;
  return missing + different + extraneous + inFlight + unreadable === 0;
}

function withoutDeleteCheck(transactions: TransactionWriter): TransactionWriter {
  return {
    async transact({ TransactItems = [] }) {
      const puts = TransactItems.filter(({ Put }) => Put !== undefined);
      const reply = await transactions.transact({ TransactItems: puts });
      if (reply.kind === 'written') return reply;
      const none = { code: 'None', message: '' };
      return { kind: 'cancelled', reasons: reply.reasons.flatMap((reason) => [reason, none]) };
    },
  };
}

function withoutPutCondition(transactions: TransactionWriter): TransactionWriter {
  return {
    transact: ({ TransactItems = [] }) =>
      transactions.transact({
        TransactItems: TransactItems.map(({ Put, ...other }) =>
          Put === undefined ? other : { Put: { TableName: Put.TableName, Item: Put.Item } },
        ),
      }),
  };
}
