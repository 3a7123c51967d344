// Applications on both sides, two hosts each. In the stamped mode their writes go through a model of the plug-in, written
// from its rules: a condition, and another stamp above what has refused the first. The clocks are those of the plug-in.

import { CLOCK_VERSION_PARTS } from '../../../src/model/clock-version.ts';
import { type Version, versionIn } from '../../../src/model/guard.ts';
import type { PutItemInput } from '@aws-sdk/client-dynamodb';
import type { Item, Reply } from '../memory-dynamodb.ts';
import { type StampClock, stampClock } from '../../../src/stamp/stamp-clock.ts';
import { hashOf } from '../random.ts';
import type { Side } from '../switching/plan.ts';
import type { HostClock, PlannedWrite } from './plan.ts';
import type { AppWrite, Region } from './region.ts';
import type { TwoWayWorld } from './world.ts';

const TRIES_MAX = 20;
const RESERVED = '_ferry';

class Host {
  epoch = 1;
  readonly origin: 1 | 2;
  readonly #clock: StampClock;

  constructor({ skewMs, step }: HostClock, name: HostName, now: () => number) {
    this.origin = name.side === 'east' ? 1 : 2;
    this.#clock = stampClock({
      now() {
        const nowMs = now();
        return nowMs + skewMs + (nowMs >= step.atMs ? step.byMs : 0);
      },
      // The half is lost when it is rounded down.
      random: () => (hashOf(`${name.side} ${name.index}`) + 0.5) / CLOCK_VERSION_PARTS.processMax,
    });
  }

  stamp(): Version {
    return this.#clock.stamp(this);
  }

  above(version: Version): Version {
    return this.#clock.above(version, this);
  }
}

interface HostName {
  readonly side: Side;
  readonly index: 0 | 1;
}

export class Hosts {
  readonly #world: TwoWayWorld;
  readonly #hosts: Readonly<Record<Side, readonly [Host, Host]>>;
  readonly #random;
  #contents = 0;

  constructor(world: TwoWayWorld) {
    this.#world = world;
    this.#random = world.random('applications');
    const host = (side: Side, index: 0 | 1) =>
      new Host(world.plan.hosts[side][index], { side, index }, () => world.scheduler.now());
    this.#hosts = {
      east: [host('east', 0), host('east', 1)],
      west: [host('west', 0), host('west', 1)],
    };
  }

  all(): Host[] {
    return [...this.#hosts.east, ...this.#hosts.west];
  }

  /** The stamp is taken now, and the request is done when it has arrived. */
  write(plannedBefore: PlannedWrite): void {
    const { scheduler, plan } = this.#world;
    const planned = this.#whereItsHomeIs(plannedBefore);
    const host = this.#hosts[planned.side][planned.host];
    const isStamped =
      plan.mode === 'stamped' && (planned.kind === 'put' || planned.kind === 'update');
    const stamp = isStamped ? host.stamp() : undefined;
    const write: AppWrite = {
      planned,
      content: `${planned.number}-${(this.#contents += 1)}`,
      isStamped,
      stampedAtMs: scheduler.now(),
    };
    const go = () => this.#do(write, host, stamp);
    if (planned.lateMs > 0) scheduler.after(planned.lateMs, go);
    else go();
    // Deletes and plain puts, too: a request that is sent twice is two writes.
    if (planned.againMs !== undefined && isStamped)
      scheduler.after(planned.lateMs + planned.againMs, go);
  }

  /** Applications know of homes that have moved. */
  #whereItsHomeIs(planned: PlannedWrite): PlannedWrite {
    const { plan } = this.#world;
    return plan.kind === 'moved' ? { ...planned, side: this.#world.homeOf(planned.key) } : planned;
  }

  #do(write: AppWrite, host: Host, stamp: Version | undefined, tries = 1): void {
    const { db, keys, regions, scheduler, mutation } = this.#world;
    const { planned } = write;
    const region = regions[planned.side];
    const TableName = region.table;
    const Key = keys.keyOf(planned.key);
    this.#world.tell(
      () => `write ${write.content}: ${planned.kind} ${planned.key} in the ${planned.side}`,
    );
    if (planned.kind === 'delete') {
      db.execute({ operation: 'DeleteItem', input: { TableName, Key } }, write);
      return;
    }
    const before = db.get(TableName, planned.key);
    const Item = this.#itemOf(write, region, { before, stamp });
    const condition =
      stamp === undefined || mutation.isUnconditional === true
        ? {}
        : {
            ConditionExpression: 'attribute_not_exists(#f) OR #f.#v < :stamp',
            ExpressionAttributeNames: { '#f': RESERVED, '#v': 'v' },
            ExpressionAttributeValues: { ':stamp': { S: stamp } },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
          };
    const input = { TableName, Item, ...condition };
    const reply = this.#put(input, write);
    if (reply === undefined) return;
    if (reply.kind !== 'condition-failed' || stamp === undefined) return;
    const held = versionIn(reply.item?.[RESERVED]);
    // Its own write, whose answer was lost.
    if (held === undefined || held === stamp || tries >= TRIES_MAX) return;
    this.#world.note('stamp refused');
    const again = { ...write, content: `${planned.number}-${(this.#contents += 1)}` };
    scheduler.after(3, () => this.#do(again, host, host.above(held), tries + 1));
  }

  /** @returns undefined where the table refuses it as invalid: then it has not been written. */
  #put(input: PutItemInput, write: AppWrite): Reply | undefined {
    try {
      return this.#world.db.execute({ operation: 'PutItem', input }, write);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'ValidationException') throw error;
      this.#world.note('put of an application refused as invalid');
      return undefined;
    }
  }

  #itemOf(
    { planned, content, stampedAtMs }: AppWrite,
    region: Region,
    { before, stamp }: { before: Item | undefined; stamp: Version | undefined },
  ): Item {
    const { kind, key, ttlMs } = planned;
    const own: Item = {
      ...this.#world.keys.keyOf(key),
      w: { S: content },
      ...(ttlMs !== undefined && { expires: { N: String(stampedAtMs + ttlMs) } }),
      ...(stamp !== undefined && { [RESERVED]: { M: { v: { S: stamp } } } }),
    };
    if (kind === 'update' || kind === 'plain-update') return { ...before, ...own };
    if (kind !== 'old-copy') return own;
    const all = this.#world.allWrites().filter((one) => one.key === key);
    const states = all.flatMap(({ image }) => (image === undefined ? [] : [image]));
    const old = states[Math.floor(this.#random.next() * states.length)];
    this.#world.note(old === undefined ? 'nothing to put back' : `old copy in ${region.side}`);
    if (this.#world.plan.mode === 'stamped') return old ?? own;
    const { expires: _, [RESERVED]: version, ...rest } = old ?? {};
    // Where homes move, a version of the old direction would be in the way of the new one's.
    const keepsVersion = version !== undefined && this.#world.plan.kind !== 'moved';
    return { ...rest, ...own, ...(keepsVersion && { [RESERVED]: version }) };
  }
}
