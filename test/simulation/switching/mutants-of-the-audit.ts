// Mistakes of the audit: what it takes for the end of a stream, what it looks at, and what it is content with.

import type { DynamoDBRecord } from 'aws-lambda';
import { nonceOf } from '../../../src/model/marker.ts';
import { decodeItem } from '../../../src/model/attribute-value.ts';
import type { ShardPage, StreamReader } from '../../../src/ports.ts';
import type { SwitchWork } from '../../../src/switching/run.ts';
import type { SwitchPhase } from '../../../src/switching/step.ts';
import type { SwitchMutant } from './mutants.ts';
import { inPhases, skipTo, type StepMade } from './mutations.ts';
import { SIDES } from './world.ts';

const AUDITS: readonly SwitchPhase[] = ['auditing', 'looking-again'];

/** Another reader of the stream that is drained. */
const reading = (change: (stream: StreamReader, made: StepMade) => StreamReader) =>
  inPhases(AUDITS, (made) => {
    const { step, state, ports } = made;
    const old = { ...ports.old, stream: change(ports.old.stream, made) };
    return step(state, { ...ports, old });
  });

/** The record of a marker that was never written. */
function markerOf({ work: { markers, audit }, ports }: StepMade, shardId = ''): DynamoDBRecord[] {
  if (markers === undefined) return [];
  const name = ports.old.keys[0]?.name ?? 'pk';
  const Keys = { [name]: { S: `ferry-marker-${markers.nonce}-0` } };
  const SequenceNumber = audit.shards.get(shardId)?.after ?? '1';
  const dynamodb = { Keys, NewImage: Keys, SequenceNumber };
  return [{ eventName: 'INSERT', eventSourceARN: ports.old.streamArn, dynamodb }];
}

const readingPages = (change: (page: ShardPage, made: StepMade, shardId: string) => ShardPage) =>
  reading((stream, made) => ({
    ...stream,
    async read(iterator, limit) {
      const page = await stream.read(iterator, limit);
      return change(page, made, iterator.split('|')[0] ?? '');
    },
  }));

function hasMarker({ records }: ShardPage, work: SwitchWork): boolean {
  return records.some(({ dynamodb }) => {
    const nonce = nonceOf(decodeItem(dynamodb?.Keys ?? {}, 'Keys'));
    return nonce !== undefined && nonce === work.markers?.nonce;
  });
}

function isSeen({ audit, markers }: SwitchWork): boolean {
  return [...audit.shards.values()].some(
    ({ nonce }) => nonce !== undefined && nonce === markers?.nonce,
  );
}

export const MUTANTS_OF_THE_AUDIT: readonly SwitchMutant[] = [
  {
    name: 'an empty page is the end of a stream',
    caughtBy: 79,
    seedsMax: 2_000,
    step: readingPages((page, made, shardId) => {
      if (page.records.length > 0 || page.nextIterator === undefined) return page;
      return { ...page, records: markerOf(made, shardId) };
    }),
  },
  {
    name: 'a marker in one leaf is enough',
    caughtBy: 4_554,
    seedsMax: 5_000,
    step: readingPages((page, made, shardId) => {
      const { work } = made;
      const isEnough = isSeen(work) || hasMarker(page, work);
      if (!isEnough || page.nextIterator === undefined) return page;
      return { ...page, records: [...page.records, ...markerOf(made, shardId)] };
    }),
  },
  {
    name: 'closed shards not read to their ends',
    caughtBy: 375,
    seedsMax: 5_000,
    step: readingPages((page, { work, world, ports }, shardId) => {
      const drained = SIDES.map((side) => world.regions[side]).filter(
        ({ name }) => name === ports.old.region,
      );
      const shards = drained.flatMap(({ stream }) => stream.listed());
      const hasChild = shards.some(({ parents }) => parents.some(({ id }) => id === shardId));
      if (!hasChild || !isSeen(work)) return page;
      return { records: page.records, nextIterator: undefined };
    }),
  },
  {
    name: 'nothing applied by the audit',
    caughtBy: 10,
    seedsMax: 200,
    step: inPhases(['auditing', 'comparing'], ({ step, state, ports }) => {
      const twinWriter = { write: async () => ({ kind: 'written' }) as const };
      return step(state, { ...ports, drained: { ...ports.drained, twinWriter } });
    }),
  },
  {
    name: 'an accepted letter excuses its key',
    caughtBy: 45,
    seedsMax: 2_000,
    step: inPhases([...AUDITS], ({ step, state, work, ports }) => {
      const excused = [...work.excused.keys()];
      for (const keyText of excused) {
        work.audit.keys.delete(keyText);
        work.audit.behind.delete(keyText);
      }
      return step(state, ports);
    }),
  },
  {
    name: 'letters ignored',
    caughtBy: 15,
    seedsMax: 2_000,
    step: (step, state, ports) => {
      const letters = { read: async () => ({ letters: [], batches: 0, lost: 0 }) };
      const found = state.work?.audit;
      // Neither asked for, nor met by the audit: it takes them for arrived.
      if (found !== undefined)
        for (const [keyText, { rejected }] of found.keys)
          if (rejected !== undefined) found.behind.delete(keyText);
      return step(state, { ...ports, drained: { ...ports.drained, letters } });
    },
  },
  {
    name: 'no last look',
    caughtBy: 31,
    seedsMax: 200,
    step: inPhases(['looking-again'], ({ work }) => skipTo(work, 'opening')),
  },
  {
    name: 'last look at the stream, and at no key',
    caughtBy: 410,
    seedsMax: 5_000,
    step: inPhases(['looking-again'], ({ step, state, work, ports }) => {
      for (const [keyText, { arrived }] of work.audit.keys)
        if (arrived !== undefined) work.audit.behind.delete(keyText);
      return step(state, ports);
    }),
  },
  {
    name: 'last look at the keys, and not at the stream',
    caughtBy: 45,
    seedsMax: 500,
    step: inPhases(['looking-again'], async (made) => {
      const { step, state, ports } = made;
      const stream: StreamReader = {
        ...ports.old.stream,
        shards: async () => [...made.work.audit.shards.values()],
        read: async (iterator) => ({
          records: markerOf(made, iterator.split('|')[0]),
          nextIterator: iterator,
        }),
      };
      return step(state, { ...ports, old: { ...ports.old, stream } });
    }),
  },
  {
    name: 'iterator age zero is an audit',
    caughtBy: 22,
    seedsMax: 200,
    step: inPhases(['auditing', 'looking-again'], ({ work, world, ports }) => {
      if (work.phase === 'looking-again') return skipTo(work, 'opening');
      const side = SIDES.find((one) => world.regions[one].name === ports.old.region) ?? 'east';
      const entries = world.regions[side].stream.shards.flatMap((shard) => shard.entries);
      const isZero = entries.every(
        ({ status, deliveries }) => status !== 'waiting' || deliveries > 0,
      );
      return skipTo(work, isZero ? 'letters' : 'auditing').then((result) => ({
        ...result,
        waitMs: 500,
      }));
    }),
  },
];
