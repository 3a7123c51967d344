// The positions and the process lease of a replication, kept in its ledger.

import { FerryError } from '../errors.ts';
import { BATCH_KEYS_MAX, itemRequest, itemsRequest } from '../model/read-request.ts';
import type { LedgerRules } from '../model/rules.ts';
import {
  changeShards,
  deletePosition,
  leaseKey,
  parseLease,
  parsePosition,
  parseShards,
  parseSource,
  positionKey,
  type PositionsPlace,
  putLease,
  putPosition,
  putSource,
  shardsKey,
  sourceKey,
  type StoredPosition,
} from '../model/run-rows.ts';
import { repliesTo } from '../pacing/retry.ts';
import type { Clock, LeaseRow, Positions, Random, TwinReader, TwinWriter } from '../ports.ts';

export interface LedgerAccess {
  readonly reader: TwinReader;
  readonly writer: TwinWriter;
  readonly clock: Clock;
  readonly random: Random;
}

/** @param fence of the lease that this process holds. */
export function ledgerPositions(
  place: PositionsPlace,
  fence: number,
  { reader, writer, clock, random }: LedgerAccess,
): Positions {
  const known = new Set<string>();
  const name = inOneGo(async (shardIds) => {
    await writer.write(changeShards(place, 'ADD', shardIds));
    for (const shardId of shardIds) known.add(shardId);
  });
  return {
    async read() {
      const row = await reader.read(itemRequest(place.stateTable, shardsKey(place)));
      const shards = parseShards(row.items[0]) ?? unreadable(place, 'the row of shards');
      for (const shardId of shards) known.add(shardId);
      const found = new Map<string, StoredPosition>();
      for (let from = 0; from < shards.length; from += BATCH_KEYS_MAX) {
        const ids = shards.slice(from, from + BATCH_KEYS_MAX);
        const read = (keys: readonly PositionKey[]) =>
          reader.read(itemsRequest({ table: place.stateTable, keys }));
        const keys = ids.map((shardId) => positionKey(place, shardId));
        for await (const { items } of repliesTo(keys, read, { clock, random })) {
          for (const item of items) {
            const position = parsePosition(item, place);
            if (position === 'unreadable') unreadable(place, 'a position');
            else if (position !== undefined) found.set(...position);
          }
        }
      }
      return found;
    },
    async write(shardId, position) {
      if (!known.has(shardId)) await name(shardId);
      const reply = await writer.write(putPosition(place, shardId, position, fence));
      if (reply.kind === 'refused') throw fenced(place);
    },
    async remove(shardId) {
      await writer.write(deletePosition(place, shardId));
      await writer.write(changeShards(place, 'DELETE', [shardId]));
      known.delete(shardId);
    },
  };
}

/** Whatever is asked for at once is done in one request: at a start, that is every shard. */
function inOneGo(work: (shardIds: readonly string[]) => Promise<void>) {
  let waiting: string[] = [];
  let next: Promise<void> | undefined;
  return (shardId: string): Promise<void> => {
    waiting.push(shardId);
    next ??= Promise.resolve().then(() => {
      const all = waiting;
      [waiting, next] = [[], undefined];
      return work(all);
    });
    return next;
  };
}

type PositionKey = ReturnType<typeof positionKey>;

/** The stream that was read last. */
export interface SourceRow {
  read(): Promise<string | undefined>;
  /** Rejects with FerryError `positions.fenced`. */
  write(sourceArn: string, fence: number): Promise<void>;
}

export function ledgerSource(
  ledger: LedgerRules,
  { reader, writer }: Pick<LedgerAccess, 'reader' | 'writer'>,
): SourceRow {
  return {
    async read() {
      const { items } = await reader.read(itemRequest(ledger.stateTable, sourceKey(ledger)));
      const source = parseSource(items[0]);
      return source === null ? unreadable(ledger, 'the row of the source') : source;
    },
    async write(sourceArn, fence) {
      const place = { ...ledger, sourceArn };
      const { kind } = await writer.write(putSource(place, fence));
      if (kind === 'refused') throw fenced(place);
    },
  };
}

export function ledgerLease(
  ledger: LedgerRules,
  { reader, writer }: Pick<LedgerAccess, 'reader' | 'writer'>,
): LeaseRow {
  return {
    async read() {
      const { items } = await reader.read(itemRequest(ledger.stateTable, leaseKey(ledger)));
      const lease = parseLease(items[0]);
      return lease === 'unreadable' ? unreadable(ledger, 'the lease') : lease;
    },
    async write(lease, expected) {
      return (await writer.write(putLease(ledger, lease, expected))).kind === 'written';
    },
  };
}

function unreadable({ stateTable }: Pick<LedgerRules, 'stateTable'>, what: string): never {
  throw new FerryError(`${stateTable} has ${what} of \`ferry run\` in a form that is not known.`, {
    code: 'run.unreadable',
    hint: 'Another release of Ferry wrote it: run that one, or a later one.',
  });
}

function fenced({ replication }: PositionsPlace): FerryError {
  return new FerryError(`Another process carries ${replication} now, and writes its positions.`, {
    code: 'positions.fenced',
    hint: 'Nothing is lost. This process becomes a standby by itself.',
  });
}
