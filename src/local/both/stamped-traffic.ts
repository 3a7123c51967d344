// Users who write every item on both sides, with the plug-in: hot items at both sides at once, items of sessions, which a
// user takes to the other side once all is there, and deletes that meet a write of the other side. Some writes come
// from a client that has lost the plug-in.

import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { Side } from '../../config/identity.ts';
import type { Item } from '../../ports.ts';
import { below } from '../seeded-random.ts';
import { attributes, type KeySchema, someAttributes, type WorkloadWrite } from '../run/workload.ts';
import { sendWrite } from '../run/write-loop.ts';
import { groupKey } from './item-keys.ts';
import {
  otherSide,
  type Places,
  sideBy,
  STRAY_SHARE,
  type Traffic,
  type TrafficOptions,
} from './traffic.ts';
import type { LoggedWrite } from './write-log.ts';

export interface StampedTrafficOptions extends TrafficOptions {
  /** Clients with the plug-in. */
  readonly places: Places;
  /** Clients without it. */
  readonly plain: Places;
  /** Hot items are deleted, too: conflicts are then counted nearly, and not exactly. @default false */
  readonly deletesHot?: boolean | undefined;
}

/** An item that one user writes. */
interface Session {
  readonly key: Item;
  side: Side;
  /** Its last write; undefined where that was a delete. */
  last: string | undefined;
  isBusy: boolean;
}

const GROUPS = ['hot', 'session', 'met', 'plain'] as const;
const [HOT_SHARE, MET_SHARE] = [0.3, 0.02] as const;
const MOVE_SHARE = 0.1;
const DELETE_SHARE = 0.15;
const UPDATE_SHARE = 0.4;
/** One key in fifty is hot. */
const HOT_KEY_SHARE = 0.02;
const PLAIN_KEYS = 20;
const LOOK_MS = 50;
const MEETINGS_MAX = 20;

export class StampedTraffic implements Traffic {
  writes = 0;
  strays = 0;
  readonly log: LoggedWrite[] = [];
  readonly #options: StampedTrafficOptions;
  readonly #keyOf: (group: string, number: number) => Item;
  readonly #sessions: Session[];
  readonly #hotKeys: number;
  readonly #plain = new Set<number>();
  /** The last write of an item at a side: the next one waits for its answer, or their order would not be known. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Of items that are deleted while they are written: they wait for the other side. */
  readonly #meetings = new Set<Promise<void>>();
  #met = 0;
  #ids = 0;

  constructor(options: StampedTrafficOptions) {
    const { items, schema, random } = options;
    this.#options = options;
    this.#keyOf = groupKey(GROUPS, schema);
    this.#hotKeys = Math.max(1, Math.floor(items * HOT_KEY_SHARE));
    const sessions = Math.max(1, items - this.#hotKeys);
    this.#sessions = Array.from({ length: sessions }, (_, number) => ({
      key: this.#keyOf('session', number),
      side: sideBy(random),
      last: undefined,
      isBusy: false,
    }));
  }

  async next(): Promise<void> {
    const { random, strayShare = STRAY_SHARE } = this.#options;
    if (random.next() < strayShare) return this.#careless();
    const chance = random.next();
    if (chance < MET_SHARE && this.#meetings.size < MEETINGS_MAX) return this.#begin(this.#meet());
    const session = this.#sessions[below(random, this.#sessions.length)];
    if (chance < MET_SHARE + HOT_SHARE || session === undefined || session.isBusy)
      return this.#hot();
    session.isBusy = true;
    await this.#session(session);
    session.isBusy = false;
  }

  async end(): Promise<void> {
    await Promise.all(this.#meetings);
  }

  #begin(meeting: Promise<void>): void {
    this.#meetings.add(meeting);
    // What fails stays, and is heard by end().
    meeting.then(
      () => this.#meetings.delete(meeting),
      () => undefined,
    );
  }

  lastWrites(): ReadonlyMap<string, string | undefined> {
    return new Map(this.#sessions.map(({ key, last }) => [this.#textOf(key), last]));
  }

  async #hot(): Promise<void> {
    const { random, deletesHot = false } = this.#options;
    const number = below(random, this.#hotKeys);
    const side = sideBy(random);
    const key = this.#keyOf('hot', number);
    const isDelete = deletesHot && random.next() < DELETE_SHARE;
    await this.#inTurn(`hot ${number} ${side}`, () =>
      isDelete ? this.#delete(side, key) : this.#write(side, this.#change(key)),
    );
  }

  /** A user moves to the other side when everything is there. */
  async #session(session: Session): Promise<void> {
    const { random } = this.#options;
    const { key, last } = session;
    const other = otherSide(session.side);
    if (random.next() < MOVE_SHARE && (await this.#has(other, key, last))) session.side = other;
    const isDelete = last !== undefined && random.next() < DELETE_SHARE;
    session.last = isDelete
      ? await this.#delete(session.side, key)
      : await this.#write(session.side, this.#change(key));
  }

  /** An item is written at one side while it is deleted at the other one, where both had seen it. */
  async #meet(): Promise<void> {
    const { random, clock, stop } = this.#options;
    const key = this.#keyOf('met', (this.#met += 1));
    const side = sideBy(random);
    const first = await this.#write(side, this.#change(key));
    while (!(await this.#has(otherSide(side), key, first))) {
      if (stop.aborted) return;
      await clock.sleep(LOOK_MS);
    }
    await Promise.all([this.#write(side, this.#change(key)), this.#delete(otherSide(side), key)]);
  }

  /** On items of their own, which are in no log: a stamped write would not know what it has seen there. */
  async #careless(): Promise<void> {
    const { random, places, plain } = this.#options;
    const number = below(random, PLAIN_KEYS);
    const key = this.#keyOf('plain', number);
    await this.#inTurn(`plain ${number}`, async () => {
      if (!this.#plain.has(number)) {
        this.#plain.add(number);
        await sendWrite(places.source, this.#change(key));
        this.writes += 1;
      }
      await sendWrite(plain[sideBy(random)], this.#change(key));
      this.writes += 1;
      this.strays += 1;
    });
  }

  #change(key: Item): WorkloadWrite {
    const { random, clock, timestampAttribute } = this.#options;
    const stamp = { [timestampAttribute]: { N: String(clock.now()) } };
    return random.next() < UPDATE_SHARE
      ? { kind: 'update', key, attributes: { ...someAttributes(random), ...stamp } }
      : { kind: 'put', item: { ...attributes(random), ...stamp, ...key } };
  }

  async #delete(side: Side, key: Item): Promise<undefined> {
    const found = await this.#send(side, { kind: 'delete', key });
    this.log.push({ side, keyText: this.#textOf(key), id: undefined, found });
  }

  /** @returns its id. */
  async #write(side: Side, write: WorkloadWrite): Promise<string> {
    this.#ids += 1;
    const id = `${side}-${this.#ids}`;
    const note = { write: { S: id } };
    if (write.kind === 'delete') throw new Error('a delete has no id');
    const [key, noted] =
      write.kind === 'put'
        ? [write.item, { ...write, item: { ...write.item, ...note } }]
        : [write.key, { ...write, attributes: { ...write.attributes, ...note } }];
    const found = await this.#send(side, noted);
    this.log.push({ side, keyText: this.#textOf(key), id, found });
    return id;
  }

  /** @returns the id of what it has found. */
  async #send(side: Side, write: WorkloadWrite): Promise<string | undefined> {
    const old = await sendWrite({ ...this.#options.places[side], returns: 'ALL_OLD' }, write);
    this.writes += 1;
    return idIn(old);
  }

  async #has(side: Side, key: Item, id: string | undefined): Promise<boolean> {
    const { client, table } = this.#options.places[side];
    const { Item } = await client.send(
      new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true }),
    );
    return idIn(Item) === id;
  }

  #textOf(item: Item): string {
    return keyTextOf(item, this.#options.schema);
  }

  async #inTurn(turn: string, work: () => Promise<unknown>): Promise<void> {
    const before = this.#turns.get(turn);
    const done = (async () => {
      await before;
      await work();
    })();
    this.#turns.set(turn, done);
    await done;
  }
}

const idIn = (item: Item | undefined) => item?.['write']?.S;

/** Of an item, or of its key. */
export function keyTextOf(item: Item, { partitionKey, sortKey }: KeySchema): string {
  const keys = sortKey === undefined ? [partitionKey] : [partitionKey, sortKey];
  return JSON.stringify(keys.map(({ name }) => item[name]));
}
