// A backfill beside traffic that updates, deletes and inserts again the very items that are being copied.
// Afterwards both tables are equal, and no copy has ever shown after the stream had its say. Backfills
// that do not ask for deletes, or write blindly, show that this test can fail.

import { setTimeout as delay } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { floorOf } from '../../src/core/ordering-guard.ts';
import { backfill, openBackfill } from '../../src/operations/backfill.ts';
import { paceOf } from '../../src/operations/pace.ts';
import { verify } from '../../src/operations/verify.ts';
import type { ReadableTable, TransactionWriter } from '../../src/ports.ts';
import { below } from '../../src/local/seeded-random.ts';
import { useEngine } from '../fixtures/engine.ts';
import { liveWorld, type LiveWorld, type Shown } from '../fixtures/live-world.ts';

const FIRST_SEED = Number(process.env['SEED'] ?? '1');
const SEEDS = Number(process.env['SEEDS'] ?? '200');
const ITEMS = 8;
const FLOOR = floorOf(Date.parse('2026-01-31T12:00:00.000Z'));

const engine = useEngine();

it(`ends equal, without a resurrection on the way (${SEEDS} seeds)`, async () => {
  const seen = { copied: 0, refusedForDelete: 0, refusedForItem: 0 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const { problems, progress } = await play(seed, (transactions) => transactions);
    expect(problems, `seed ${seed}`).toEqual([]);
    seen.copied += progress.copied;
    seen.refusedForDelete += progress.deleted;
    seen.refusedForItem += progress.present;
  }
  // Otherwise nothing of interest has happened.
  expect(seen.copied).toBeGreaterThan(SEEDS / 4);
  expect(seen.refusedForDelete).toBeGreaterThan(SEEDS / 10);
  expect(seen.refusedForItem).toBeGreaterThan(SEEDS / 10);
}, 180_000);

it.each([
  ['does not ask for deletes', withoutDeleteCheck],
  ['writes blindly', withoutConditions],
])(
  'notices a backfill that %s',
  async (_, mutate) => {
    let seeds = 0;
    let found: string[] = [];
    while (found.length === 0 && seeds < SEEDS) {
      seeds += 1;
      found = (await play(FIRST_SEED + seeds - 1, mutate)).problems;
    }

    expect(found).not.toEqual([]);
  },
  120_000,
);

async function play(seed: number, mutate: (transactions: TransactionWriter) => TransactionWriter) {
  const world = await liveWorld(engine(), { seed, items: ITEMS });
  // Written before the stream was read: only a backfill brings the latest of these, or none.
  for (let writes = 0; writes < ITEMS; writes += 1) await world.write();
  const [progress] = await Promise.all([
    copyAll(world, mutate),
    traffic(world),
    replication(world),
  ]);
  while (await world.deliver()) await world.pause();
  return { progress, problems: await judge(world) };
}

async function copyAll(
  world: LiveWorld,
  mutate: (transactions: TransactionWriter) => TransactionWriter,
) {
  const context = {
    target: world.settings,
    floor: FLOOR,
    clock: systemClock,
    random: world.random,
    stop: new AbortController().signal,
    source: slowly(world.source, world),
    transactions: mutate(world.watchTransactions(world.transactions, 'copy')),
    destination: engine().destination,
    stateTable: world.stateTable,
    writePace: paceOf(Infinity, systemClock),
    pageItems: 3,
    onRejected: ({ reason }: { reason: string }) => expect.unreachable(reason),
  };
  const fresh = { run: 'run', totalSegments: 2, streamArn: 'stream', startedAt: 'now' };
  const { run } = await openBackfill(fresh, false, context);
  return backfill(run, context, { workers: 2, onProgress: () => undefined });
}

/** Time passes between a read and what is done with it. */
function slowly(table: ReadableTable, world: LiveWorld): ReadableTable {
  return {
    ...table,
    async scan(position) {
      const page = await table.scan(position);
      await delay(below(world.random, 20));
      return page;
    },
  };
}

async function traffic(world: LiveWorld): Promise<void> {
  for (let writes = 0; writes < 24; writes += 1) {
    await world.write();
    await world.pause();
  }
}

async function replication(world: LiveWorld): Promise<void> {
  for (let batches = 0; batches < 12; batches += 1) {
    await world.pause();
    await world.deliver();
  }
}

async function judge(world: LiveWorld): Promise<string[]> {
  const { source, twin } = await world.tables();
  const isEqualByHand = isDeepStrictEqual(source, twin);
  const problems = isEqualByHand ? [] : [`the tables differ: ${inspect({ source, twin })}`];
  problems.push(...historyProblems(world.shown));
  const report = await verified(world);
  const isEqual = report.missing + report.different + report.extraneous + report.inFlight === 0;
  if (isEqual !== isEqualByHand) problems.push(`verify says ${JSON.stringify(report)}`);
  return problems;
}

/**
 * What an item may show, in order: at most one copy, and only before the stream has shown anything of it;
 * then the stream's writes, each newer than all before. A copy may show a write whose record is still on
 * the way, with older ones before it: the stream then catches up with the copy.
 */
function historyProblems(shown: readonly Shown[]): string[] {
  const problems: string[] = [];
  const copied = new Set<string>();
  const streamed = new Map<string, number>();
  for (const { id, by, write, sourceWrite } of shown) {
    if (by.startsWith('copy')) {
      if (streamed.has(id)) problems.push(`${id}: copied after the stream had its say`);
      if (copied.has(id)) problems.push(`${id}: copied twice`);
      copied.add(id);
    } else {
      const before = streamed.get(id) ?? 0;
      if (write !== undefined && write <= before) problems.push(`${id}: back to ${write}`);
      streamed.set(id, write ?? before);
    }
    if ((write ?? 0) > sourceWrite) problems.push(`${id}: ${write} shows before it was written`);
  }
  return problems;
}

function verified(world: LiveWorld) {
  const nobody = () => undefined;
  return verify(
    {
      source: world.source,
      destination: world.twin,
      reservedAttribute: '_ferry',
      clock: systemClock,
      settleMs: 0,
      stop: new AbortController().signal,
      onDifference: nobody,
      onInFlight: nobody,
      onUnreadable: nobody,
    },
    { segments: [0, 1, 2], totalSegments: 3, workers: 2, onProgress: nobody },
  );
}

function withoutDeleteCheck(transactions: TransactionWriter): TransactionWriter {
  return {
    async transact({ TransactItems = [] }) {
      const reply = await transactions.transact({
        TransactItems: TransactItems.filter(({ Put }) => Put !== undefined),
      });
      if (reply.kind === 'written') return reply;
      const none = { code: 'None', message: '' };
      return { kind: 'cancelled', reasons: reply.reasons.flatMap((reason) => [reason, none]) };
    },
  };
}

function withoutConditions(transactions: TransactionWriter): TransactionWriter {
  return {
    transact: ({ TransactItems = [] }) =>
      transactions.transact({
        TransactItems: TransactItems.flatMap(({ Put }) =>
          Put === undefined ? [] : [{ Put: { TableName: Put.TableName, Item: Put.Item } }],
        ),
      }),
  };
}
