// One side: its table with a stream of both images, and the ledger of the direction that leads to it.

import type { WriteRequest } from '../../../src/model/write-request.ts';
import type { EventSourceMapping } from '../event-source.ts';
import type { Change } from '../memory-dynamodb.ts';
import type { Sent } from '../process.ts';
import { between, happens, randomOf } from '../random.ts';
import type { SourceWrite } from '../stream.ts';
import { LaggingStream } from '../switching/lagging-stream.ts';
import type { Side } from '../switching/plan.ts';
import { REGIONS } from '../switching/region.ts';
import type { PlannedWrite } from './plan.ts';
import type { TwoWayWorld } from './world.ts';

/** What an application does to a table. */
export interface AppWrite {
  readonly planned: PlannedWrite;
  /** Different for every request. */
  readonly content: string;
  readonly isStamped: boolean;
  /** Epoch milliseconds, when the stamp was taken. */
  readonly stampedAtMs: number;
}

/** Who has made a change. */
export type Origin =
  | { readonly kind: 'application'; readonly write: AppWrite }
  | { readonly kind: 'ttl' }
  /** A merge. */
  | { readonly kind: 'operator'; readonly request: WriteRequest }
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'ferry'; readonly sent: Sent };

export interface RegionWrite extends SourceWrite {
  readonly origin: Origin;
}

export class Region {
  readonly name: string;
  readonly table: string;
  readonly ledger: string;
  readonly stream: LaggingStream;
  readonly writes: RegionWrite[] = [];
  mapping: EventSourceMapping | undefined;
  readonly side: Side;
  readonly #world: TwoWayWorld;

  constructor(world: TwoWayWorld, side: Side) {
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
  record({ key, before, after }: Change, origin: Origin): RegionWrite | undefined {
    if (before === undefined && after === undefined) return undefined;
    if (JSON.stringify(before) === JSON.stringify(after)) return undefined;
    const write: RegionWrite = {
      number: this.writes.length + 1,
      key,
      kind: after === undefined ? 'delete' : 'put',
      isInsert: before === undefined,
      expired: origin.kind === 'ttl',
      malformed: false,
      atMs: this.#world.scheduler.now(),
      image: after,
      before,
      entries: [],
      origin,
    };
    this.writes.push(write);
    const entry = this.stream.append(write);
    if (entry !== undefined) write.entries.push(entry);
    return write;
  }

  /** Whether every record has been handled, and none is being handled. */
  isQuiet(): boolean {
    const isDone = this.writes.every(({ entries }) =>
      entries.every(({ status }) => status !== 'waiting'),
    );
    return isDone && this.mapping?.isBusy() === false;
  }

  split(kind: 'split' | 'roll-over'): void {
    if (this.stream.shards.length > 16) return;
    if (kind === 'split') this.stream.split();
    else this.stream.rollOver();
    this.mapping?.discover();
  }
}
