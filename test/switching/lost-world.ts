// Two Regions on real engines and a bucket on the stand-in for S3, behind the ports of a switch. Time passes only when a
// test lets it, also for the records of the streams.

import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { DeleteItemCommand, DynamoDB, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import { fixedCredentials } from '../../src/aws/access.ts';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import { dynamoDbStreamReader } from '../../src/aws/dynamodb-streams.ts';
import { objectClient, s3Objects } from '../../src/aws/s3-objects.ts';
import { startEmbeddedDynamoDb } from '../../src/local/engine/embedded-dynamodb.ts';
import { startS3Server } from '../../src/local/s3/server.ts';
import { type ControlRow, firstRow } from '../../src/model/control-row.ts';
import { putControlRow } from '../../src/model/control-item.ts';
import { consentOf, verdictOn } from '../../src/model/control-copies.ts';
import { decodeItem } from '../../src/model/attribute-value.ts';
import { seriesInEpoch } from '../../src/model/guard.ts';
import { GuardedPut } from '../../src/model/guarded-put.ts';
import { isMarker } from '../../src/model/marker.ts';
import { type StrandedRecord } from '../../src/model/stranded.ts';
import { parseStreamRecord } from '../../src/model/stream-record.ts';
import { guardedDelete, tombstone } from '../../src/model/tombstone.ts';
import { readControl } from '../../src/replicate/first-adoption.ts';
import type { Item, ObjectStore, StreamReader } from '../../src/ports.ts';
import { saveStranded } from '../../src/switching/stranded-objects.ts';
import type {
  Fence,
  FenceWish,
  OpenLetters,
  SwitchDirection,
  SwitchPorts,
  SwitchSide,
  TallyPlace,
} from '../../src/switching/ports.ts';
import type { StepResult } from '../../src/switching/step.ts';
import { openTally, type Tally } from '../../src/tally/index.ts';
import { type TestEngine, testEngine } from '../fixtures/engine.ts';
import { SETTINGS } from '../fixtures/records.ts';

const TABLE = 'Orders';
const TALLY = 'orders-tally';
const KEYS = [{ name: 'pk', type: 'S' as const }];
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
/** All records of a second have the same time, and an epoch begins and ends between two. */
const MOMENT_MS = 5_000;
const IDLE_MS = 10_000;

/** How much time passes before the next step: more of what a phase only waits for, so that it looks less often. */
export function idleMs({ phase, waitMs }: StepResult): number {
  const isIdle = phase === 'probing' || phase === 'waiting';
  return isIdle && waitMs > 0 ? IDLE_MS : waitMs;
}

export class LostWorld {
  readonly east: Place;
  readonly west: Place;
  readonly #close: () => Promise<void>;
  /** By how much the clock is ahead of the engines'. */
  aheadMs = 0;
  /** The first request to the lost Region fails, as all others do. */
  isLost = false;
  /** In a third Region, where there is one: another table of the engine in the west. */
  tally: TallyPlace | undefined;
  readonly #stop = new AbortController();

  private constructor(east: Place, west: Place, close: () => Promise<void>) {
    this.east = east;
    this.west = west;
    this.#close = close;
    for (const place of [east, west]) place.world = this;
  }

  /** `orders` goes from us-east-1 to eu-west-1, and us-east-1 is active. */
  static async open(): Promise<LostWorld> {
    const s3 = await startS3Server();
    const engines = await Promise.all([startEmbeddedDynamoDb(), startEmbeddedDynamoDb()]);
    const [east, west] = await Promise.all([
      Place.open('us-east-1', engines[0].endpoint, s3.endpoint),
      Place.open('eu-west-1', engines[1].endpoint, s3.endpoint),
    ]);
    const world = new LostWorld(east, west, async () => {
      for (const { engine } of [east, west]) engine.client.destroy();
      await Promise.all(engines.map((engine) => engine.stop()));
      await s3.stop();
    });
    await world.adopt();
    return world;
  }

  async openTally(): Promise<void> {
    const { engine } = this.west;
    await engine.createTable(TALLY, [{ name: 'id', type: 'S' }]);
    const rows = dynamoDbReader(engine.client, { table: TALLY, keyAttributes: ['id'] });
    this.tally = { table: TALLY, rows, writer: engine.twinWriter };
  }

  /** As an application of a Region uses it. */
  tallyIn({ region, engine, rules: { stateTable: state } }: Place): Tally {
    const client = clientOf(engine);
    const local = { client, table: TABLE, stateTable: state };
    const third = clientOf(this.west.engine);
    return openTally({ client: third, table: TALLY, replication: 'orders', region, local });
  }

  close = () => this.#close();

  async adopt(): Promise<void> {
    for (const [place, source] of [
      [this.west, this.east],
      [this.east, this.east],
    ] as const)
      await place.write(
        firstRow({
          region: source.region,
          streamArn: source.streamArn,
          reserved: SETTINGS.reservedAttribute,
          destinationId: 'table',
          ledgerId: 'ledger',
          tag: 'adopt',
          nowMs: this.now() - 3_600_000,
        }),
      );
  }

  now = () => Date.now() + this.aheadMs;

  pass(ms: number): void {
    this.aheadMs += ms;
  }

  /** As `failover` and `rejoin` see it: eu-west-1 is to be active. */
  ports(): SwitchPorts {
    return {
      replication: 'orders',
      target: this.west.side(),
      old: this.east.side(),
      drained: this.east.direction(this.west),
      back: this.west.direction(this.east),
      markers: true,
      tally: this.tally,
      clock: { now: this.now, sleep: async (ms) => this.pass(ms) },
      monotonicMs: this.now,
      random: { next: () => Math.random() },
      stop: this.#stop.signal,
    };
  }
}

/** One Region. */
export class Place {
  readonly region: string;
  readonly engine: TestEngine;
  readonly streamArn: string;
  readonly bucket: ObjectStore;
  readonly #stream: StreamReader;
  /** What its function has acknowledged. */
  readonly #seen = new Map<string, number>();
  readonly #done = new Set<string>();
  readonly #recordsRead: DynamoDBRecord[] = [];
  /** By shard: where the records begin that have not been read. undefined where none can follow. */
  readonly #unread = new Map<string, string | undefined>();
  readonly fences: FenceWish[] = [];
  isFenced = false;
  letters: OpenLetters = { letters: [], batches: 0, lost: 0 };
  world: LostWorld | undefined;

  private constructor(parts: {
    region: string;
    engine: TestEngine;
    streamArn: string;
    bucket: ObjectStore;
  }) {
    Object.assign(this, parts);
    this.region = parts.region;
    this.engine = parts.engine;
    this.streamArn = parts.streamArn;
    this.bucket = parts.bucket;
    const client = new DynamoDBStreamsClient({
      region: parts.region,
      endpoint: parts.engine.endpoint,
      credentials: CREDENTIALS,
    });
    this.#stream = dynamoDbStreamReader(client, parts.streamArn);
  }

  static async open(region: string, endpoint: string, s3: string): Promise<Place> {
    const engine = testEngine(endpoint);
    const streamArn = await engine.createTable(TABLE, KEYS, 'NEW_AND_OLD_IMAGES');
    await engine.createTable(stateTable(region), [{ name: 'id', type: 'S' }]);
    const credentials = fixedCredentials(CREDENTIALS);
    const objects = objectClient({ region, endpoint: s3, credentials });
    const Bucket = `on-failure-${region}`;
    await objects.send(new CreateBucketCommand({ Bucket }));
    return new Place({ region, engine, streamArn, bucket: s3Objects(objects, Bucket) });
  }

  get #world(): LostWorld {
    if (this.world === undefined) throw new Error('no world');
    return this.world;
  }

  /** Of the direction that ends here. */
  get rules() {
    const isEast = this.region === 'us-east-1';
    return {
      ...SETTINGS,
      replication: isEast ? 'orders-back' : 'orders',
      sourceRegion: isEast ? 'eu-west-1' : 'us-east-1',
      destinationRegion: this.region,
      destinationTable: TABLE,
      stateTable: stateTable(this.region),
    };
  }

  async row(): Promise<ControlRow> {
    const found = await readControl(this.rules, this.engine.twinReader);
    if (found.kind !== 'row') throw new Error(`the copy in ${this.region} is ${found.kind}`);
    return found.row;
  }

  async write(row: ControlRow): Promise<void> {
    await this.engine.twinWriter.write(putControlRow(row, this.rules));
  }

  /** As an application, which the fence refuses. */
  async put(id: string, attributes: Item = {}): Promise<void> {
    if (this.isFenced) throw new Error(`${this.region} is fenced`);
    const item = { pk: { S: id }, ...attributes };
    await this.engine.client.send(new PutItemCommand({ TableName: TABLE, Item: item }));
    await this.#note();
  }

  async delete(id: string): Promise<void> {
    const Key = { pk: { S: id } };
    await this.engine.client.send(new DeleteItemCommand({ TableName: TABLE, Key }));
    await this.#note();
  }

  get = (id: string) => this.engine.get(TABLE, { pk: { S: id } });

  /** Without versions. */
  async items(): Promise<Record<string, Item>> {
    const { Items = [] } = await this.engine.client.send(new ScanCommand({ TableName: TABLE }));
    return Object.fromEntries(
      Items.map(({ _ferry, ...item }) => [item['pk']?.S ?? '', item] as const),
    );
  }

  side(): SwitchSide {
    const { engine, region, rules } = this;
    const failing = <T extends object>(port: T): T => this.#failingWhenLost(port);
    const read = (table: string, keyAttributes: readonly string[]) =>
      failing(dynamoDbReader(engine.client, { table, keyAttributes }));
    return {
      region,
      streamArn: this.streamArn,
      keys: KEYS,
      rules,
      reader: failing(engine.twinReader),
      writer: failing(engine.twinWriter),
      table: read(TABLE, ['pk']),
      ledger: read(rules.stateTable, ['id']),
      stream: failing(this.stream()),
      fence: this.#fence(),
      serviceSeconds: async () => undefined,
    };
  }

  direction(destination: Place): SwitchDirection {
    return {
      rules: destination.rules,
      twinWriter: destination.engine.twinWriter,
      lookAgain: { announce: async () => undefined },
      letters: { read: async () => this.letters },
      bucket: this.bucket,
      unfinishedBackfill: async () => false,
    };
  }

  /** Records have the time at which the world's clock stood. */
  stream(): StreamReader {
    const shards = this.#stream;
    return {
      shards: () => shards.shards(),
      open: (shardId, after) => shards.open(shardId, after),
      read: async (iterator, limit) => {
        const page = await shards.read(iterator, limit);
        return { ...page, records: page.records.map((record) => this.#timed(record)) };
      },
    };
  }

  /** What a function does with its stream: everything that is not acknowledged yet. */
  async replicate(to: Place): Promise<void> {
    for (const record of await this.#records()) {
      const number = record.dynamodb?.SequenceNumber ?? '';
      if (this.#done.has(number) || !(await this.#handle(record, to))) continue;
      this.#done.add(number);
    }
  }

  /** The last record of an item is put aside, and not applied. @returns its sequence number. */
  async poison(id: string): Promise<string> {
    const records = await this.#records();
    const last = records.findLast(({ dynamodb }) => dynamodb?.Keys?.['pk']?.S === id);
    const number = last?.dynamodb?.SequenceNumber ?? '';
    this.#done.add(number);
    return number;
  }

  async #handle(raw: DynamoDBRecord, to: Place): Promise<boolean> {
    const [source, destination] = await Promise.all(
      [this, to].map(({ rules, engine }) => readControl(rules, engine.twinReader)),
    );
    if (source === undefined || destination === undefined) throw new Error('no copies');
    const consent = consentOf({ source, destination });
    const seconds = raw.dynamodb?.ApproximateCreationDateTime ?? 0;
    const verdict = verdictOn(seconds, this.region, consent);
    if (verdict === 'hold') return false;
    const epochs = consent.own?.epochs ?? [];
    const epoch = epochs.findLast((one) => one.region === this.region)?.n ?? 1;
    const { record, kind } = parseStreamRecord(raw, 0, seriesInEpoch(epoch));
    if (kind !== 'record') throw new Error(record.reason.message);
    if (isMarker(record.key) || verdict === 'own' || verdict === 'ended') return true;
    if (verdict === 'stranded') await saveStranded([stranded(raw, epoch, this)], this.bucket);
    else if (record.eventName !== 'REMOVE')
      await to.engine.twinWriter.write({
        operation: 'PutItem',
        input: new GuardedPut(record, to.rules, 'free').input,
      });
    else {
      await to.engine.twinWriter.write(tombstone(record, to.rules, this.#world.now()));
      await to.engine.twinWriter.write(guardedDelete(record, to.rules));
    }
    return true;
  }

  /** All so far. Each is read once, since a file of tests writes thousands, and asks after each. */
  async #records(): Promise<readonly DynamoDBRecord[]> {
    const stream = this.stream();
    for (const { shardId } of await stream.shards()) {
      let iterator = this.#unread.has(shardId)
        ? this.#unread.get(shardId)
        : await stream.open(shardId);
      for (let isEnd = false; iterator !== undefined && !isEnd; ) {
        const page = await stream.read(iterator, 1_000);
        this.#recordsRead.push(...page.records);
        isEnd = page.records.length === 0;
        iterator = page.nextIterator;
      }
      this.#unread.set(shardId, iterator);
    }
    return this.#recordsRead;
  }

  /** The clock stands as it stood when the record was written. */
  #timed(record: DynamoDBRecord): DynamoDBRecord {
    const number = record.dynamodb?.SequenceNumber ?? '';
    const known = this.#seen.get(number) ?? this.#world.aheadMs;
    this.#seen.set(number, known);
    const ms = (record.dynamodb?.ApproximateCreationDateTime ?? 0) * 1000 + known;
    const ApproximateCreationDateTime = Math.floor(ms / 1000);
    return { ...record, dynamodb: { ...record.dynamodb, ApproximateCreationDateTime } };
  }

  async #note(): Promise<void> {
    await this.#records();
    this.#world.pass(MOMENT_MS);
  }

  #failingWhenLost<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          if (this.#world.isLost && this.region === 'us-east-1')
            return Promise.reject(Object.assign(new Error('lost'), { code: 'ENOTFOUND' }));
          return Reflect.apply(member, target, args) as unknown;
        };
      },
    });
  }

  #fence(): Fence {
    return {
      kind: 'policy',
      set: async (wish) => {
        this.fences.push(wish);
        this.isFenced = wish.fenced ?? this.isFenced;
        return 0;
      },
      probe: async () => (this.isFenced ? 'refused' : 'writable'),
    };
  }
}

function stateTable(region: string): string {
  return region === 'us-east-1' ? 'ferry-orders-back-state' : 'ferry-orders-state';
}

function stranded(raw: DynamoDBRecord, epoch: number, { world, rules }: Place): StrandedRecord {
  const { record, kind } = parseStreamRecord(raw, 0, seriesInEpoch(epoch));
  if (kind !== 'record' || world === undefined) throw new Error('not a record');
  const { key, version, sequenceNumber, createdAtSeconds = 0, eventName } = record;
  const replication = rules.replication === 'orders' ? 'orders-back' : 'orders';
  const old = raw.dynamodb?.OldImage;
  return {
    replication,
    epoch,
    key,
    version,
    sequenceNumber,
    createdAtSeconds,
    eventName,
    ...(record.eventName !== 'REMOVE' && { newImage: record.newImage }),
    ...(old !== undefined && { oldImage: decodeItem(old, 'OldImage') }),
  };
}

function clientOf({ endpoint }: TestEngine): DynamoDB {
  return new DynamoDB({ region: 'us-west-2', endpoint, credentials: CREDENTIALS });
}
