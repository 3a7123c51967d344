// Mistakes about a twin that is a projection: items that leave and stay, changes that are skipped too easily, what is
// projected twice or not at all, and reprojections that forget something.

import type { DynamoDBRecord } from 'aws-lambda';
import { decodeItem } from '../../src/model/attribute-value.ts';
import { ProjectionFailed } from '../../src/model/projection.ts';
import type { StreamRules } from '../../src/model/rules.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { versionIn } from './judge.ts';
import type { Mutation } from './mutant.ts';
import type { Mutant } from './mutants.ts';
import {
  instead,
  isOwn,
  only,
  pretendAnnounced,
  putOf,
  withoutGuard,
  WRITTEN,
} from './mutations.ts';
import type { ProcessKind } from './process.ts';
import type { ProcessSettings } from './projecting.ts';
import type { World } from './world.ts';

type Records = readonly unknown[];

/** Before and after a change: the twin's item, or why there is none. */
function seen(record: unknown, { projection }: StreamRules) {
  const { dynamodb = {} } = record as DynamoDBRecord;
  const made = (image: unknown) => {
    if (image === undefined) return undefined;
    const item = decodeItem(image, 'image');
    try {
      return projection === undefined ? item : (projection.project(item, {}) ?? 'left out');
    } catch (error) {
      if (error instanceof ProjectionFailed) return 'fails';
      throw error;
    }
  };
  return { before: made(dynamodb.OldImage), after: made(dynamodb.NewImage) };
}

/** Another batch in the place of the one that came; what it lacks is counted as skipped. */
const given =
  (change: (records: Records, rules: StreamRules) => Records): NonNullable<Mutation['replicate']> =>
  (replicate) =>
  async (records, context) => {
    const rest = change(records, context.rules);
    const summary = await replicate(rest, context);
    const skipped = summary.counts.skipped + records.length - rest.length;
    return { ...summary, counts: { ...summary.counts, skipped } };
  };

const keyIn = (record: unknown) => JSON.stringify((record as DynamoDBRecord).dynamodb?.Keys);

function isOut(record: unknown, rules: StreamRules): boolean {
  const { before, after = 'left out' } = seen(record, rules);
  const isInsert = (record as DynamoDBRecord).eventName === 'INSERT';
  return after === 'left out' && (before ?? (isInsert ? 'left out' : 'unknown')) === 'left out';
}

/** As if the item had been before as it is after. */
function withoutBefore(record: unknown): unknown {
  const { dynamodb, ...rest } = record as DynamoDBRecord;
  return { ...rest, dynamodb: { ...dynamodb, OldImage: dynamodb?.NewImage } };
}

/** Processes of these kinds have another projection. */
const projecting =
  (
    kinds: readonly ProcessKind[],
    change: (
      projection: NonNullable<ProcessSettings['projection']>,
    ) => ProcessSettings['projection'],
  ): NonNullable<Mutation['rules']> =>
  (settings, kind) => {
    const { projection } = settings;
    if (projection === undefined || !kinds.includes(kind)) return settings;
    return { ...settings, projection: change(projection) };
  };

/** A delete of an item that its source still has. */
function isOfLeaving(request: WriteRequest, world: World): boolean {
  const isDelete = request.operation === 'DeleteItem' || request.operation === 'UpdateItem';
  const entry = world.judge.entryOf(versionIn(request) ?? '');
  return isDelete && entry?.write.kind === 'put' && !entry.write.malformed;
}

function hasDelete(request: WriteRequest): boolean {
  if (request.operation !== 'TransactWriteItems') return false;
  return (request.input.TransactItems ?? []).some(({ Delete }) => Delete !== undefined);
}

export const MUTANTS_OF_PROJECTION: readonly Mutant[] = [
  {
    name: 'projection: an item that leaves is not deleted',
    caughtBy: 7,
    seedsMax: 500,
    destination: (port, { facts }, world) => ({
      write: async (request) => {
        const isMeant = facts.kind === 'handler' && !isOwn(request, 'f');
        return isMeant && isOfLeaving(request, world) ? WRITTEN : port.write(request);
      },
    }),
  },
  {
    name: 'projection: the newest of a run decides the skip',
    caughtBy: 7,
    seedsMax: 500,
    replicate: given((records, rules) =>
      records.filter((one) => {
        const newest = records.findLast((other) => keyIn(other) === keyIn(one));
        return !isOut(newest, rules);
      }),
    ),
  },
  {
    name: 'projection: the new image decides the skip',
    caughtBy: 7,
    seedsMax: 500,
    replicate: given((records, rules) =>
      records.filter((one) => seen(one, rules).after !== 'left out'),
    ),
  },
  {
    name: 'projection: an item that enters is an update',
    caughtBy: 7,
    seedsMax: 500,
    replicate: (replicate) => (records, context) =>
      replicate(
        records.map((one) => {
          const { before, after } = seen(one, context.rules);
          const enters = before === 'left out' && typeof after === 'object';
          return enters ? withoutBefore(one) : one;
        }),
        context,
      ),
    destination: (port, process, world) => ({
      async write(request) {
        const entry = world.judge.entryOf(versionIn(request) ?? '');
        const isEntering =
          process.facts.kind === 'handler' &&
          entry?.write.isInsert === false &&
          world.judge.seen(entry, process).isInsert;
        const isAgain = isEntering && request.operation === 'TransactWriteItems';
        return isAgain ? WRITTEN : port.write(request);
      },
    }),
  },
  {
    name: 'projection: leaving is not announced',
    caughtBy: 2_009,
    seedsMax: 20_000,
    lookAgain: (port, process, world) => ({
      async announce(body) {
        const message = JSON.parse(body) as { deletes: ReadonlyArray<{ v: string }> };
        const isLeaving = ({ v }: { v: string }) => world.judge.entryOf(v)?.write.kind === 'put';
        const deletes = message.deletes.filter((one) => !isLeaving(one));
        if (deletes.length > 0) await port.announce(JSON.stringify({ ...message, deletes }));
        pretendAnnounced(body, process, world);
      },
    }),
  },
  {
    name: 'projection: an unknown old image is left out',
    caughtBy: 115,
    seedsMax: 5_000,
    replicate: (replicate) => (records, context) =>
      replicate(
        records.map((one) => {
          const { before, after } = seen(one, context.rules);
          const isUnknown = (one as DynamoDBRecord).eventName === 'MODIFY' && before === undefined;
          return isUnknown && after === 'left out' ? withoutBefore(one) : one;
        }),
        context,
      ),
  },
  {
    name: 'projection: where it fails, the change is skipped',
    caughtBy: 10,
    seedsMax: 500,
    replicate: given((records, rules) =>
      records.filter((one) => seen(one, rules).after !== 'fails'),
    ),
  },
  {
    name: 'projection: what has expired stays, though left out',
    caughtBy: 109,
    seedsMax: 2_000,
    replicate: given((records, rules) =>
      records.filter((one) => {
        const isUpdate = (one as DynamoDBRecord).eventName === 'MODIFY';
        return isUpdate || rules.ttlDeletes === 'replicate' || !isOut(one, rules);
      }),
    ),
  },
  {
    name: 'projection: verify on raw items',
    caughtBy: 3,
    seedsMax: 500,
    readers: ({ source, ...others }, process, world) => ({
      ...others,
      source: process.facts.kind === 'verify' ? world.rawSource(process) : source,
    }),
  },
  {
    name: 'projection: twice by a redrive',
    caughtBy: 7,
    seedsMax: 1_000,
    rules: projecting(['redrive'], (projection) => ({
      ...projection,
      project: (source, key) => {
        const once = projection.project(source, key);
        return once && projection.project(once, key);
      },
    })),
  },
  {
    name: 'projection: raw items in copies',
    caughtBy: 7,
    seedsMax: 500,
    rules: projecting(['backfill'], () => undefined),
  },
  {
    name: 'projection: raw items in repairs',
    caughtBy: 3,
    seedsMax: 500,
    rules: projecting(['repair'], () => undefined),
  },
  {
    name: 'projection: raw items where a redrive asks the source',
    caughtBy: 7,
    seedsMax: 5_000,
    readers: ({ source, ...others }, process, world) => ({
      ...others,
      source: process.facts.kind === 'redrive' ? world.rawSource(process) : source,
    }),
  },
  {
    name: 'reproject: what is left out stays',
    caughtBy: 53,
    seedsMax: 2_000,
    destination: instead(
      (request, port) => (hasDelete(request) ? Promise.resolve(WRITTEN) : port.write(request)),
      ['backfill'],
    ),
  },
  {
    name: 'reproject: what was deleted meanwhile stays',
    caughtBy: 53,
    seedsMax: 5_000,
    readers: ({ twin, ...others }, { facts }) => ({
      ...others,
      twin:
        facts.kind === 'backfill'
          ? { ...twin, scan: async () => ({ items: [], unreadable: [], readUnits: 1 }) }
          : twin,
    }),
  },
  {
    name: 'reproject: plain puts',
    caughtBy: 737,
    seedsMax: 10_000,
    rewrite: only(['backfill'], (request) =>
      versionIn(request)?.endsWith('~') === true ? withoutGuard(putOf(request, false)) : request,
    ),
  },
  {
    name: 'projected letter redriven by its version',
    caughtBy: 88,
    seedsMax: 10_000,
    withoutSource: ({ deadLetters }) => deadLetters === 'projected',
    queue: (queue, _, world) => ({
      ...queue,
      receive: async (hiddenSeconds) =>
        (await queue.receive(hiddenSeconds)).map((one) => ({
          ...one,
          body: world.source.wholeLetter(one.body),
        })),
    }),
  },
];
