// Broken Ferries that replicate in both directions, each with one mistake that the protocol warns of. The judge must
// catch every one.

import { unconditional } from '../mutations.ts';
import type { TwoWayMutation } from './mutant.ts';
import {
  deletedHere,
  isTable,
  isTombstone,
  lastOfRun,
  misread,
  otherOrigin,
  type RawRecord,
  rewritten,
  tombstoneLast,
  without,
  withoutDeletes,
} from './mutations.ts';
import { MUTANTS_OF_HOMES } from './mutants-of-homes.ts';
import type { Mode } from './plan.ts';

export interface TwoWayMutant extends TwoWayMutation {
  readonly name: string;
  readonly mode: Mode;
  /** A seed that has caught it. */
  readonly caughtBy: number;
  /** Seeds within which it must be caught, whatever the first. */
  readonly seedsMax: number;
}

const stamped = { mode: 'stamped' } as const;

/** The old image has no version that could be compared. */
const withoutOldVersion = (record: RawRecord): RawRecord => {
  const { OldImage, ...rest } = record.dynamodb;
  if (OldImage === undefined) return record;
  const { _ferry: _, ...old } = OldImage;
  return { ...record, dynamodb: { ...rest, OldImage: old } };
};

const OLDEST = `0001.0000000000000.${'0'.repeat(40)}`;

/** An insert of Ferry's looks like a change of an item that was there. */
const withoutInsert =
  (origin: '1' | '2') =>
  (record: RawRecord): RawRecord => {
    const version = record.dynamodb.NewImage?.['_ferry']?.M?.['v']?.S;
    if (record.eventName !== 'INSERT' || version === undefined || version[24] !== origin)
      return record;
    const OldImage = { ...record.dynamodb.Keys, _ferry: { M: { v: { S: OLDEST } } } };
    return { ...record, eventName: 'MODIFY', dynamodb: { ...record.dynamodb, OldImage } };
  };

const isStampAgain = (request: Parameters<typeof isTable>[0]) =>
  request.operation === 'UpdateItem' && isTable(request);

const isPutBack = (request: Parameters<typeof isTable>[0]) =>
  request.operation === 'PutItem' && isTable(request);

/** What has the key of a heartbeat is not merged. */
const EVERY_KEY = Object.assign(new Set<string>(), { has: () => true });

/**
 * One mistake is left out: `p` is lost where a delete of the other side takes the row. Nothing has caught it in 20,000
 * worlds, most of them with such rows, and by the rules nothing can, while one epoch lasts. Such a delete is above all that
 * were handled here: a REMOVE that comes again is taken for Ferry's own by its old version, and a put that comes again is
 * below that delete, whether or not the item was made again between. Without `p`, such a REMOVE may be counted as a
 * conflict once more; but one that comes late, and only after that delete, is counted in the same way.
 */
export const TWO_WAY_MUTANTS: readonly TwoWayMutant[] = [
  {
    ...stamped,
    name: 'no insert check',
    caughtBy: 13,
    seedsMax: 200,
    replicate: (replicate, of) =>
      misread(withoutInsert(of.source === 'east' ? '2' : '1'))(replicate, of),
  },
  {
    ...stamped,
    name: 'no stamp above an own delete',
    caughtBy: 62,
    seedsMax: 200,
    writer: without('near', (one) => isStampAgain(one) || isPutBack(one), 'written'),
  },
  {
    ...stamped,
    name: 'stamp above an own delete without put-back',
    caughtBy: 62,
    seedsMax: 2_000,
    writer: without('near', isPutBack),
  },
  {
    ...stamped,
    name: 'no local tombstone',
    caughtBy: 21,
    seedsMax: 200,
    writer: without('near', isTombstone),
  },
  {
    ...stamped,
    name: 'a delete remembered over one that came meanwhile',
    caughtBy: 203_306,
    seedsMax: 50_000,
    rewrite: rewritten('near', (request) => {
      if (request.operation !== 'UpdateItem' || !isTombstone(request)) return request;
      const { ':after': _, ...ExpressionAttributeValues } =
        request.input.ExpressionAttributeValues ?? {};
      const ConditionExpression = 'attribute_not_exists(#own) OR #own <= :v';
      const input = { ...request.input, ConditionExpression, ExpressionAttributeValues };
      return { operation: 'UpdateItem', input };
    }),
  },
  {
    ...stamped,
    name: 'what is put back does not tell for which record',
    caughtBy: 1_038_046,
    seedsMax: 50_000,
    rewrite: rewritten('near', (request) => {
      if (request.operation !== 'PutItem' || !isTable(request)) return request;
      const { s: _, ...M } = request.input.Item?.['_ferry']?.M ?? {};
      const Item = { ...request.input.Item, _ferry: { M } };
      return { operation: 'PutItem', input: { ...request.input, Item } };
    }),
  },
  {
    ...stamped,
    name: 'no remote tombstone',
    caughtBy: 1,
    seedsMax: 200,
    writer: without('far', isTombstone),
  },
  {
    ...stamped,
    name: 'tombstone after delete',
    caughtBy: 1,
    seedsMax: 1_000,
    writer: (writer, way) => (way === 'far' ? tombstoneLast(writer) : writer),
  },
  {
    ...stamped,
    name: 'no guard',
    caughtBy: 1,
    seedsMax: 100,
    rewrite: rewritten('far', (request) =>
      request.operation === 'PutItem' && isTable(request)
        ? { operation: 'PutItem', input: unconditional(request.input) }
        : request,
    ),
  },
  {
    ...stamped,
    name: 'no tie-break by origin',
    caughtBy: 1,
    seedsMax: 500,
    rewrite: rewritten('far', (request) => {
      if (request.operation !== 'PutItem' || !isTable(request)) return request;
      const version = request.input.ExpressionAttributeValues?.[':v']?.S;
      if (version === undefined) return request;
      const values = { ':v': { S: `${version.slice(0, 24)}${'9'.repeat(35)}` } };
      const input = { ...request.input, ExpressionAttributeValues: values };
      return { operation: 'PutItem', input };
    }),
  },
  {
    ...stamped,
    name: 'old image ignored',
    caughtBy: 4,
    seedsMax: 200,
    replicate: misread(withoutOldVersion),
  },
  {
    ...stamped,
    name: 'own delete taken for local',
    caughtBy: 1,
    seedsMax: 200,
    reader: (reader, way, process) => (way === 'far' ? reader : withoutDeletes(reader, process)),
  },
  {
    ...stamped,
    name: 'stamps without a condition',
    caughtBy: 11,
    seedsMax: 200,
    isUnconditional: true,
  },
  {
    ...stamped,
    name: 'future stamps pulled back',
    caughtBy: 3,
    seedsMax: 100,
    rewrite: rewritten('far', (request) => {
      if (request.operation !== 'PutItem' || !isTable(request)) return request;
      const { v, t } = request.input.Item?.['_ferry']?.M ?? {};
      const ms = (Number(t?.N) + 1) * 1000;
      if (v?.S === undefined || Number(v.S.slice(5, 18)) <= ms + 5_000) return request;
      const pulled = `${v.S.slice(0, 5)}${ms}${v.S.slice(18)}`;
      return JSON.parse(JSON.stringify(request).replaceAll(v.S, pulled)) as typeof request;
    }),
  },
  {
    ...stamped,
    name: 'a delete at home as well',
    caughtBy: 47,
    seedsMax: 1_000,
    writer: (writer, way, process) => (way === 'far' ? writer : deletedHere(writer, process)),
  },
  {
    ...stamped,
    name: 'an unfinished run reports its last record',
    caughtBy: 660,
    seedsMax: 10_000,
    replicate: lastOfRun,
  },
  {
    ...stamped,
    name: 'deletes pushed with the version of the other side',
    caughtBy: 70,
    seedsMax: 100,
    rewrite: rewritten('far', (request) => {
      if (!isTombstone(request)) return request;
      const version =
        (request.operation === 'UpdateItem' &&
          request.input.ExpressionAttributeValues?.[':v']?.S) ||
        '';
      const text = JSON.stringify(request).replaceAll(version, otherOrigin(version));
      return JSON.parse(text) as typeof request;
    }),
  },
  {
    ...stamped,
    name: 'redrive replays only',
    caughtBy: 680,
    seedsMax: 5_000,
    mergeOfRedrive: (merge) => ({ ...merge, heartbeats: EVERY_KEY }),
  },
  { ...stamped, name: 'strays without repair', caughtBy: 11, seedsMax: 200, mergesNothing: true },
  ...MUTANTS_OF_HOMES,
];
