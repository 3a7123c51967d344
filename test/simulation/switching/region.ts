// One side: its table with stream and policy, the ledger of the direction that leads to it, and the application's
// writes to it.

import type { Shard, ShardPage, StreamReader } from '../../../src/ports.ts';
import type { EventSourceMapping } from '../event-source.ts';
import { serviceError, type Change } from '../memory-dynamodb.ts';
import type { Sent } from '../process.ts';
import { between, happens, randomOf } from '../random.ts';
import { isTrimmed, type SourceWrite, type StreamEntry } from '../stream.ts';
import { LaggingStream } from './lagging-stream.ts';
import type { Side } from './plan.ts';
import { SimulatedPolicy } from './policy.ts';
import type { SwitchWorld } from './world.ts';

/** Who has made a change. */
export type Origin =
  | {
      readonly kind: 'application';
      readonly isStray: boolean;
      readonly number: number;
      /** What was stranded, put back by an operator. */
      readonly isReplay?: boolean;
    }
  | { readonly kind: 'ferry'; readonly sent: Sent }
  /** Markers, what repairs, and what is written before the world begins. */
  | { readonly kind: 'operator'; readonly sent: Sent };

export interface RegionWrite extends SourceWrite {
  /** Its creation time in the stream is skewed. */
  readonly realAtMs: number;
  readonly origin: Origin;
}

/** As the policies of both tables name theirs. */
export const TABLE_ARN = 'arn:aws:dynamodb:us-east-1:111122223333:table/orders';

export const REGIONS: Readonly<Record<Side, string>> = { east: 'us-east-1', west: 'eu-west-1' };

export class Region {
  readonly name: string;
  readonly table: string;
  readonly ledger: string;
  readonly stream: LaggingStream;
  readonly policy = new SimulatedPolicy(TABLE_ARN);
  readonly writes: RegionWrite[] = [];
  mapping: EventSourceMapping | undefined;
  readonly side: Side;
  readonly #world: SwitchWorld;

  constructor(world: SwitchWorld, side: Side) {
    this.#world = world;
    this.side = side;
    this.name = REGIONS[side];
    this.table = `orders-${side}`;
    this.ledger = `ledger-${side}`;
    const { plan, scheduler, keys } = world;
    const random = randomOf(plan.seed, `stream of ${side}`);
    const lagOf = (max: number) => () =>
      scheduler.now() < plan.calmAtMs && happens(random, plan.lag.often)
        ? random.next() * max
        : between(random, 0, 5);
    this.stream = new LaggingStream(
      {
        table: this.table,
        region: this.name,
        keys,
        // The other side's label may be older or later.
        labelMs: plan.startMs - (side === 'east' ? 2 : 1 + (plan.seed % 3)) * 1000,
        firstSequenceNumber: side === 'east' ? '900' : '100000000000000000000',
        hasOldImages: true,
      },
      {
        scheduler,
        recordMs: lagOf(plan.lag.recordMs),
        shardMs: lagOf(plan.lag.shardMs),
        onVisible: () => this.mapping?.discover(),
      },
    );
  }

  /** What the table's stream says of a change; nothing, where nothing has changed. */
  record({ key, before, after }: Change, origin: Origin): void {
    if (before === undefined && after === undefined) return;
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    const { plan, scheduler } = this.#world;
    const number = this.writes.length + 1;
    const random = randomOf(plan.seed, `skew ${this.side} ${number}`);
    const skewMs = between(random, -1, 1) * plan.skewMs;
    const write: RegionWrite = {
      number,
      key,
      kind: after === undefined ? 'delete' : 'put',
      isInsert: before === undefined,
      expired: false,
      malformed: false,
      atMs: scheduler.now() + skewMs,
      realAtMs: scheduler.now(),
      image: after,
      before,
      entries: [],
      origin,
    };
    this.writes.push(write);
    const entry = this.stream.append(write);
    if (entry !== undefined) write.entries.push(entry);
    this.#world.tell(
      () =>
        `record ${number} of the ${this.side}, ${new Date(Math.floor(write.atMs / 1000) * 1000).toISOString()}: ${origin.kind}, ${key}`,
    );
  }

  split(kind: 'split' | 'roll-over'): void {
    if (this.stream.shards.length > 24) return;
    if (kind === 'split') this.stream.split();
    else this.stream.rollOver();
    this.mapping?.discover();
  }

  /** As an operator reads the stream. Iterators name a shard and the next place in it. */
  streamReader(call: <T>(action: () => T) => Promise<T>, emptyPages: () => boolean): StreamReader {
    return {
      shards: () =>
        call(() =>
          this.stream.listed().map(
            ({ id, parents }): Shard => ({
              shardId: id,
              parentShardIds: parents.map((parent) => parent.id),
            }),
          ),
        ),
      open: (shardId, after) => call(() => `${shardId}|${this.#placeBehind(shardId, after)}`),
      read: (iterator, limit) =>
        call((): ShardPage => {
          const [shardId = '', place] = iterator.split('|');
          const shard = this.stream.shard(shardId);
          if (shard === undefined) throw serviceError('ResourceNotFoundException');
          const from = Number(place);
          const isEmpty = from < shard.entries.length && emptyPages();
          const page = isEmpty ? [] : shard.entries.slice(from, from + Math.min(limit, 4));
          const next = from + page.length;
          const isEnd = shard.closed && next === shard.entries.length;
          if (isEmpty) this.#world.note('empty page before records');
          return {
            records: page.map(({ record }) => record),
            nextIterator: isEnd ? undefined : `${shardId}|${next}`,
          };
        }),
    };
  }

  #placeBehind(shardId: string, after: string | undefined): number {
    const shard = this.stream.shard(shardId);
    if (shard === undefined) throw serviceError('ResourceNotFoundException');
    const { entries } = shard;
    if (after === undefined) {
      const first = entries.findIndex((one) => !this.#isGone(one));
      return first < 0 ? entries.length : first;
    }
    const at = entries.findIndex(({ sequenceNumber }) => sequenceNumber === after);
    const entry = entries[at];
    if (entry === undefined || this.#isGone(entry))
      throw serviceError('TrimmedDataAccessException');
    return at + 1;
  }

  #isGone(entry: StreamEntry): boolean {
    return isTrimmed(entry, this.#world.scheduler.now());
  }
}
