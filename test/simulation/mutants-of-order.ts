// The mutants of the protocol's list that bring deleted items back, or take records for what they are not:
// puts that look too little, deletes that are announced too late or not at all, and control rows that nobody
// asks.
//
// Not here: 6, because a write is only begun with Z to spare, so that a delay without Z is still long enough;
// and 16, the times that are reserved at a batch's end: time-budget.test.ts and put-aside.test.ts of
// test/operations hold them.

import { lookUpRequest } from '../../src/model/look-up.ts';
import { seriesInEpoch } from '../../src/model/guard.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import type { ControlKeeper } from '../../src/replicate/control-keeper.ts';
import type { TwinReader, TwinWriter, Item, LookAgainQueue } from '../../src/ports.ts';
import type { Mutant } from './mutants.ts';
import {
  freePut,
  instead,
  isOwn,
  only,
  pretendAnnounced,
  putOf,
  retriedAtOnce,
  WRITTEN,
} from './mutations.ts';
import { SECOND } from './plan.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** Takes announcements, and forgets them. */
const forgets = (_: LookAgainQueue, process: Process, world: World): LookAgainQueue => ({
  announce: async (body) => pretendAnnounced(body, process, world),
});

const looksNowhere: NonNullable<Mutant['reader']> = (port, { facts }) => ({
  ...port,
  read: async (request) =>
    facts.kind === 'handler' && request.operation === 'BatchGetItem'
      ? { items: [], unprocessed: [] }
      : port.read(request),
});

/** A function that has put an insert asks the ledger row then, and takes it back. */
const looksAfter =
  (isConsistent: boolean): NonNullable<Mutant['destination']> =>
  (port, process, world) => {
    if (process.facts.kind !== 'handler') return port;
    return {
      async write(request) {
        const reply = await port.write(request);
        if (reply.kind === 'written' && request.operation === 'PutItem')
          await takeBack(request, { port, process, world, isConsistent });
        return reply;
      },
    };
  };

interface Looking {
  readonly port: TwinWriter;
  readonly process: Process;
  readonly world: World;
  readonly isConsistent: boolean;
}

async function takeBack(
  { input }: Extract<WriteRequest, { operation: 'PutItem' }>,
  { port, process, world, isConsistent }: Looking,
): Promise<void> {
  const name = world.keys.nameOf(input.Item ?? {});
  if (input.TableName !== 'twin' || name === undefined) return;
  const { settings } = process.facts;
  const request = lookUpRequest([ledgerRowKey(settings, world.keys.textOf(name))], settings);
  const table = request.operation === 'BatchGetItem' ? request.input.RequestItems?.['state'] : {};
  if (table !== undefined) Object.assign(table, { ConsistentRead: isConsistent });
  const { items } = await world.reader(process).read(request);
  const version = input.Item?.['_ferry']?.M?.['v']?.S ?? '';
  if ((items[0]?.['d']?.S ?? '') < version) return;
  await port.write({
    operation: 'DeleteItem',
    input: {
      TableName: 'twin',
      Key: world.keys.keyOf(name),
      ConditionExpression: '#f.#v = :v',
      ExpressionAttributeNames: { '#f': '_ferry', '#v': 'v' },
      ExpressionAttributeValues: { ':v': { S: version } },
    },
  });
}

/** Looks at each message as if its epoch were still the newest. */
const inEpochOfMessage: NonNullable<Mutant['look']> = (look) => async (messages, context) => {
  const report = { failed: [] as string[], looked: 0, revenants: 0, dropped: 0 };
  for (const message of messages) {
    const { epoch } = JSON.parse(message.body) as { epoch: number };
    const twinReader: TwinReader = {
      ...context.twinReader,
      async read(request) {
        const reply = await context.twinReader.read(request);
        return { ...reply, items: reply.items.map((item) => endingWith(epoch, item)) };
      },
    };
    const part = await look([message], { ...context, twinReader });
    report.failed.push(...part.failed);
    for (const name of ['looked', 'revenants', 'dropped'] as const) report[name] += part[name];
  }
  return report;
};

/** A control row without its later epochs. */
function endingWith(epoch: number, item: Item): Item {
  const { epochs } = item;
  if (epochs?.L === undefined) return item;
  return { ...item, epochs: { L: epochs.L.filter(({ M }) => Number(M?.['n']?.N) <= epoch) } };
}

const delayedBy =
  (secondsOf: (seconds: number) => number): NonNullable<Mutant['settings']> =>
  (settings) => ({ ...settings, lookAgainSeconds: secondsOf(settings.lookAgainSeconds) });

/** Whatever is held is applied in the first epoch. */
const goesOn =
  (isMeant: (why: string) => boolean): NonNullable<Mutant['control']> =>
  (keeper) => {
    let latest: Awaited<ReturnType<ControlKeeper['admit']>> | undefined;
    return {
      async admit(streamArns, remainingMs) {
        const verdict = await keeper.admit(streamArns, remainingMs);
        if (verdict.kind === 'admitted') latest = verdict;
        if (verdict.kind === 'admitted' || !isMeant(verdict.why)) return verdict;
        const seriesOf = seriesInEpoch(1);
        const row =
          latest?.kind === 'admitted'
            ? latest.row
            : ({ epochs: [{ n: 1, region: '', fromMs: 0, streams: [] }] } as never);
        return { kind: 'admitted', row, seriesOf };
      },
    };
  };

/** No young record is looked up; here, more of them are young. */
const youngFor =
  (seconds: number): NonNullable<Mutant['replicate']> =>
  (replicate) =>
  (records, context) => {
    const nowSeconds = Math.floor(context.clock.now() / 1000);
    const younger = records.map((record) => {
      const { dynamodb, ...rest } = record as { dynamodb?: Record<string, unknown> };
      const atSeconds = Number(dynamodb?.['ApproximateCreationDateTime']);
      const isMeant = nowSeconds - atSeconds < seconds;
      const time = isMeant ? { ApproximateCreationDateTime: nowSeconds } : {};
      return { ...rest, dynamodb: { ...dynamodb, ...time } };
    });
    return replicate(younger, context);
  };

export const MUTANTS_OF_ORDER: readonly Mutant[] = [
  {
    name: '1 plain puts, no look, no announcement',
    caughtBy: 4,
    seedsMax: 2_000,
    rewrite: only(['handler'], (request) => freePut(putOf(request, true))),
    reader: looksNowhere,
    lookAgain: forgets,
  },
  {
    name: '2 look before, no announcement',
    caughtBy: 215,
    seedsMax: 5_000,
    lookAgain: forgets,
  },
  {
    name: '3 look after by the writer only',
    caughtBy: 2,
    seedsMax: 10_000,
    destination: looksAfter(true),
    lookAgain: forgets,
  },
  {
    name: '4 look after, eventually consistent',
    caughtBy: 2,
    seedsMax: 10_000,
    destination: looksAfter(false),
    lookAgain: forgets,
  },
  {
    name: '5 announcement delayed by less than the timeout',
    caughtBy: 30,
    seedsMax: 10_000,
    settings: delayedBy((seconds) => (seconds - 65) / 4),
  },
  {
    name: '7 deletes of redrive not announced',
    caughtBy: 1389,
    seedsMax: 20_000,
    lookAgain: (port, process, world) =>
      process.facts.kind === 'redrive' ? forgets(port, process, world) : port,
  },
  {
    name: '8 no look before',
    caughtBy: 12,
    seedsMax: 200,
    reader: looksNowhere,
  },
  {
    name: '9 young for longer than the delay covers',
    caughtBy: 12,
    seedsMax: 1_000,
    replicate: youngFor(600),
  },
  {
    name: '10 update of an item that need not be there',
    caughtBy: 5,
    seedsMax: 500,
    rewrite: only(['handler'], freePut),
  },
  {
    name: '11 insert taken for an update without another try',
    caughtBy: 1,
    seedsMax: 50,
    rewrite: (request, { facts }) => {
      if (facts.kind !== 'handler' || request.operation !== 'PutItem') return request;
      const { ConditionExpression: condition = '' } = request.input;
      const text = condition.replace('attribute_not_exists(#pk) OR ', 'attribute_exists(#pk) AND ');
      return { operation: 'PutItem', input: { ...request.input, ConditionExpression: text } };
    },
  },
  {
    name: '12 look again removes items without a version',
    caughtBy: 29,
    seedsMax: 10_000,
    reader: (port, { facts }) => ({
      ...port,
      async read(request) {
        const reply = await port.read(request);
        if (facts.kind !== 'look-again' || request.operation !== 'BatchGetItem') return reply;
        const v = { S: '0000.0000000000000.0000000000000000000000000000000000000001' };
        const items = reply.items.map((item) => ({ _ferry: { M: { v } }, ...item }));
        return { ...reply, items };
      },
    }),
    rewrite: only(['look-again'], (request) => {
      const [first] =
        request.operation === 'TransactWriteItems' ? (request.input.TransactItems ?? []) : [];
      if (first?.Delete === undefined) return request;
      const ConditionExpression = 'attribute_not_exists(#f) OR #f.#v < :d';
      return { operation: 'DeleteItem', input: { ...first.Delete, ConditionExpression } };
    }),
  },
  {
    name: '12 look again after its epoch has ended',
    caughtBy: 787,
    seedsMax: 20_000,
    look: inEpochOfMessage,
  },
  {
    name: '13 announced after the answer',
    caughtBy: 1,
    seedsMax: 50,
    lookAgain: (port) => ({
      async announce(body) {
        port.announce(body).catch(() => undefined);
      },
    }),
  },
  {
    name: '13 announcement that fails is ignored',
    caughtBy: 3,
    seedsMax: 500,
    lookAgain: (port) => ({
      announce: (body) => port.announce(body).catch(() => undefined),
    }),
  },
  {
    name: '17 letter before its bound',
    caughtBy: 14,
    seedsMax: 100,
    destination: (port, _, world) => ({
      async write(request) {
        if (!isOwn(request, 'f')) return port.write(request);
        world.scheduler.after(SECOND, () => void port.write(request).catch(() => undefined));
        return WRITTEN;
      },
    }),
  },
  {
    name: '27 control row missing: go on',
    caughtBy: 289,
    seedsMax: 5_000,
    control: goesOn((why) => why.startsWith('there is no control row')),
  },
  {
    name: '27 control row written over a twin with versions',
    caughtBy: 1877,
    seedsMax: 20_000,
    reader: (port, { facts }) => ({
      ...port,
      read: async (request) =>
        facts.kind === 'handler' && request.operation === 'Scan'
          ? { items: [], unprocessed: [] }
          : port.read(request),
    }),
  },
  {
    name: '27 copy of the control row without a highest age',
    caughtBy: 30,
    seedsMax: 5_000,
    control: (keeper) => {
      let first: Awaited<ReturnType<ControlKeeper['admit']>> | undefined;
      return {
        async admit(streamArns, remainingMs) {
          if (first?.kind !== 'admitted') first = await keeper.admit(streamArns, remainingMs);
          return first;
        },
      };
    },
  },
  {
    name: '28 other reserved attribute: go on',
    caughtBy: 41,
    seedsMax: 5_000,
    control: goesOn((why) => why.includes('another reserved attribute')),
  },
  {
    name: '29 unknown stream, or that of an ended epoch, applied',
    caughtBy: 13,
    seedsMax: 1_000,
    control: goesOn((why) => /does not know the stream|epoch of the stream/.test(why)),
  },
  {
    name: '30 control row not read again after adopt',
    caughtBy: 1,
    seedsMax: 5_000,
    control: (keeper) => {
      let first: Awaited<ReturnType<ControlKeeper['admit']>> | undefined;
      return {
        async admit(streamArns, remainingMs) {
          first ??= await keeper.admit(streamArns, remainingMs);
          return first;
        },
      };
    },
  },
  {
    name: 'deadline checked before the first try only',
    caughtBy: 2,
    seedsMax: 5_000,
    destination: instead((request, port, process) => retriedAtOnce(request, port, process)),
  },
  {
    name: 'any service principal taken for TTL',
    caughtBy: 3,
    seedsMax: 2_000,
    replicate: (replicate) => (records, context) => {
      const text = JSON.stringify(records);
      const same = text.replaceAll('replication.dynamodb.amazonaws.com', 'dynamodb.amazonaws.com');
      return replicate(JSON.parse(same) as unknown[], context);
    },
  },
];
