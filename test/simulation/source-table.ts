// The source: the application's writes, the table's stream, and the event source mapping behind it, which
// are replaced when the stream is switched off and on again.

import { EventSourceMapping, type GivenUp } from './event-source.ts';
import { TABLES } from './judge.ts';
import { KINESIS_STREAM_ARN, KinesisStream } from './kinesis-stream.ts';
import type { EventSources } from '../../src/ports.ts';
import type { Item } from './memory-dynamodb.ts';
import type { InvocationResult } from './delivery.ts';
import { HOUR, type Plan, type PlannedWrite, type Precision, SECOND } from './plan.ts';
import type { Process } from './process.ts';
import { attributesOf } from './projecting.ts';
import { happens, randomOf } from './random.ts';
import type { StreamRange } from '../../src/model/failure-message.ts';
import {
  type ChangeStream,
  eventOf,
  isComing,
  isTrimmed,
  SourceStream,
  type SourceWrite,
  type StreamEntry,
} from './stream.ts';
import type { World } from './world.ts';

export class SourceTable {
  stream: ChangeStream;
  mapping: EventSourceMapping;
  readonly #world: World;
  #second: EventSourceMapping | undefined;
  /** A replica's stream, or another one of the table, which is not read yet, and its records. */
  #replica: { readonly stream: ChangeStream; readonly entries: StreamEntry[] } | undefined;
  /** Somebody has disabled the mapping. */
  #isDisabled = false;
  #isRecreating = false;
  #brought = 0;
  /** Resolves when the mappings of all earlier streams are done. */
  #drained: Promise<unknown> = Promise.resolve();

  constructor(world: World) {
    this.#world = world;
    const { preExisting, settings } = world.plan;
    for (const [index, key] of preExisting.entries())
      this.#accept({ ...olderThanStream(world.plan, key), number: index + 1 });
    this.stream = this.#firstStream(settings.firstSequenceNumber);
    this.mapping = this.#newMapping();
    const repoint = world.plan.disturbances.find(({ kind }) => kind === 're-point');
    if (repoint?.kind === 're-point') this.#addReplica(repoint.isOlder);
  }

  /** Of a table that has both, the one that is not read first is read when it is moved to. */
  #firstStream(firstSequenceNumber: string): ChangeStream {
    const { plan, scheduler, keys } = this.#world;
    const { kinesis } = plan.settings;
    if (kinesis === undefined) return this.#newStream(firstSequenceNumber);
    const random = randomOf(plan.seed, 'Kinesis stream');
    const stream = new KinesisStream({
      settings: kinesis,
      scheduler,
      keys,
      random,
      note: (situation) => this.#world.note(situation),
      onArrival: () => this.#onRecords(stream),
    });
    const isMoved = plan.disturbances.some(({ kind }) => kind === 'move');
    if (kinesis.isFirst && !isMoved) return stream;
    const own = this.#newStream(firstSequenceNumber);
    const [first, other] = kinesis.isFirst ? [stream, own] : [own, stream];
    this.#replica = { stream: other, entries: [] };
    return first;
  }

  get isKinesis(): boolean {
    return this.stream instanceof KinesisStream;
  }

  setPrecision(precision: Precision): void {
    for (const stream of [this.stream, this.#replica?.stream])
      if (stream instanceof KinesisStream) stream.precision = precision;
  }

  #onRecords(stream: ChangeStream): void {
    if (stream !== this.stream) return;
    this.mapping.discover();
    this.#second?.discover();
  }

  /** The function reads the other stream of the table, from its oldest record on. */
  move(): void {
    const other = this.#replica;
    if (other === undefined) return;
    const [old, from] = [this.mapping, this.stream];
    this.#world.note(`moved to ${other.stream instanceof KinesisStream ? 'Kinesis' : 'the table'}`);
    this.#world.tell(() => `the changes are read from ${other.stream.arn}`);
    this.#replica = { stream: from, entries: [] };
    this.stream = other.stream;
    for (const entry of other.entries) this.#attach(entry);
    this.#recover(other.stream);
    for (const entry of this.#entriesOf(from))
      if (entry.kinesis?.arrivedAtMs === Infinity) this.#loseEntry(entry, 'it came too late');
    old.stop();
    this.#world.lambda.deploy();
    this.mapping = this.#newMapping();
    if (this.#isDisabled) this.mapping.pause();
    this.mapping.replay();
  }

  /** What has not been read of a stream until now can be read. */
  #recover(stream: ChangeStream): void {
    const nowMs = this.#world.scheduler.now();
    for (const entry of this.#entriesOf(stream)) {
      if (entry.status !== 'lost' || isTrimmed(entry, nowMs)) continue;
      entry.status = 'waiting';
      delete entry.write.lost;
    }
  }

  #entriesOf({ arn }: ChangeStream): StreamEntry[] {
    return this.#world.judge.entries().filter(({ record }) => record.eventSourceARN === arn);
  }

  /** The same table in another Region, which has the same writes, and a stream of its own. */
  #addReplica(isOlder: boolean): void {
    const { keys, scheduler, plan } = this.#world;
    const { hasOldImages } = plan.settings;
    const labelMs = scheduler.now() + (isOlder ? -HOUR : 1);
    const firstSequenceNumber = isOlder ? '5' : '300000000000000000000000';
    const stream = new SourceStream({
      table: 'Replica',
      keys,
      labelMs,
      firstSequenceNumber,
      hasOldImages,
    });
    this.#replica = { stream, entries: [] };
  }

  /** The function gets the replica's stream, from its oldest record on. */
  repoint(): void {
    const replica = this.#replica;
    if (replica === undefined) return;
    this.#world.note('source re-pointed');
    this.#world.tell(() => `the source is the replica with ${replica.stream.arn}`);
    const old = this.mapping;
    this.#replica = undefined;
    this.stream = replica.stream;
    for (const entry of replica.entries) this.#attach(entry);
    old.stop();
    this.#world.lambda.deploy();
    this.mapping = this.#newMapping();
  }

  #attach(entry: StreamEntry): void {
    entry.write.entries.push(entry);
    if (entry.kinesis !== undefined) delete entry.write.lost;
    this.#world.judge.learn(entry, this.stream.labelMs);
  }

  /** Event source mappings as the service lists them, and as it changes them. */
  mappings(process: Process): EventSources {
    const { network } = this.#world;
    const stateOf = () => (this.#isDisabled || this.mapping.isPaused() ? 'Disabled' : 'Enabled');
    return {
      list: () =>
        network.send(process, 'source', () => {
          const state = this.mapping.isBusy() && stateOf() === 'Disabled' ? 'Disabling' : stateOf();
          const { arn: streamArn } = this.stream;
          return [{ id: 'mapping', streamArn, state, lastResult: 'OK' }];
        }),
      setEnabled: (_, enabled) => network.send(process, 'source', () => this.setEnabled(enabled)),
    };
  }

  setEnabled(enabled: boolean): void {
    if (this.#isDisabled === !enabled) return;
    this.#isDisabled = !enabled;
    this.#world.tell(() => `the mapping is ${enabled ? 'enabled' : 'disabled'}`);
    if (enabled) this.mapping.resume();
    else this.mapping.pause();
  }

  /** A write of the application. */
  write(planned: PlannedWrite): void {
    const write = this.#accept(planned);
    if (write !== undefined) this.#record(write);
  }

  /** The hop before has written to its twin, which is this source. */
  bring(key: string, item: Item | undefined): void {
    const number = (this.#brought += 1);
    const { seed, broughtPoison = 0 } = this.#world.plan;
    const poison = happens(randomOf(seed, `brought ${number}`), broughtPoison);
    const kind = item === undefined ? 'delete' : 'put';
    const atMs = this.#world.scheduler.now();
    this.write({ number, atMs, key, kind, poison, malformed: false, brought: item });
  }

  /** Undefined where nothing changes: deleting what is not there makes no record. */
  #accept(planned: PlannedWrite): SourceWrite | undefined {
    const { number, kind, key, malformed } = planned;
    const atMs = this.#world.scheduler.now();
    const image = kind === 'put' ? this.#imageOf(planned) : undefined;
    const before = this.#world.db.get(TABLES.source, key);
    const isThere = before !== undefined;
    if (image === undefined && !isThere) return undefined;
    this.#world.tell(() => `write ${number}: ${kind} ${key}${planned.poison ? ', poison' : ''}`);
    const facts = { number, key, malformed: malformed && kind !== 'expire', atMs, image, before };
    const write: SourceWrite = {
      ...facts,
      kind: image === undefined ? 'delete' : 'put',
      isInsert: image !== undefined && !isThere,
      isTied: planned.isTied,
      lateMs: planned.lateMs,
      expired: kind === 'expire',
      byService: planned.byService,
      entries: [],
    };
    if (image === undefined && planned.poison) this.#world.refuseDeletes(key);
    this.#world.judge.accept(write);
    this.#store(key, image);
    return write;
  }

  #store(key: string, image: Item | undefined): void {
    const input = { TableName: TABLES.source };
    if (image === undefined)
      this.#world.db.execute(
        { operation: 'DeleteItem', input: { ...input, Key: this.#world.keys.keyOf(key) } },
        undefined,
      );
    else
      this.#world.db.execute({ operation: 'PutItem', input: { ...input, Item: image } }, undefined);
  }

  #record(write: SourceWrite): void {
    const entries = this.stream.record(write);
    const { stream: other, entries: copies } = this.#replica ?? {};
    copies?.push(...(other?.record(write) ?? []));
    if (entries.length === 0) {
      this.#lose(write, 'no stream was on');
      return;
    }
    if (write.malformed) this.#world.note('malformed record');
    for (const entry of entries) this.#attach(entry);
    this.mapping.discover();
    this.#second?.discover();
  }

  /** Another mapping delivers everything, too, and is deleted after a while. */
  addSecond(forMs: number): void {
    if (this.#second !== undefined) return;
    this.#world.note('two mappings');
    this.#world.tell(() => `a second mapping for ${forMs / SECOND} s`);
    const second = this.#newMapping(true);
    this.#second = second;
    this.#world.scheduler.after(forMs, () => {
      second.stop();
      this.#second = undefined;
    });
  }

  split(): void {
    this.stream.split();
    this.#world.note('shard split');
    this.#world.tell(() => 'the shards split');
    this.mapping.discover();
  }

  merge(): void {
    if (!(this.stream instanceof KinesisStream) || this.stream.merge() === 0) return;
    this.#world.note('shards merged');
    this.#world.tell(() => 'every two neighbouring shards merge');
    this.mapping.discover();
  }

  /** The stream ends, and another one begins; its mapping begins when the old one's work is over. */
  recreateStream(gapMs: number, drained: boolean): void {
    if (this.#isRecreating) return;
    if (this.stream instanceof KinesisStream) {
      this.#interrupt(this.stream, gapMs);
      return;
    }
    if (!(this.stream instanceof SourceStream)) return;
    this.#isRecreating = true;
    const old = this.mapping;
    this.#world.tell(
      () => `the stream is switched off for ${gapMs.toFixed(0)} ms; drained: ${drained}`,
    );
    this.#world.note('stream re-created');
    this.stream.close();
    if (drained) old.discover();
    else old.stop();
    this.#world.scheduler.after(gapMs, () => {
      this.stream = this.#newStream('1');
      this.#world.streams.push(this.stream.arn);
      this.mapping = this.#newMapping();
      const fresh = this.mapping;
      fresh.pause();
      this.#drained = Promise.all([this.#drained, old.idle()]);
      void this.#drained.then(() => fresh.resume());
      this.#isRecreating = false;
    });
  }

  /** The table sends nothing for a while. */
  #interrupt(stream: KinesisStream, gapMs: number): void {
    this.#world.note('streaming disabled');
    this.#world.tell(() => `the table sends nothing for ${gapMs.toFixed(0)} ms`);
    stream.isOff = true;
    this.#world.scheduler.after(gapMs, () => {
      stream.isOff = false;
    });
  }

  #newStream(firstSequenceNumber: string): SourceStream {
    const { scheduler, keys, plan } = this.#world;
    return new SourceStream({
      table: 'Orders',
      keys,
      labelMs: scheduler.now(),
      firstSequenceNumber,
      hasOldImages: plan.settings.hasOldImages,
    });
  }

  #newMapping(isSecond = false): EventSourceMapping {
    const name = `mapping ${this.stream.labelMs}${isSecond ? ' beside' : ''}`;
    const host = {
      scheduler: this.#world.scheduler,
      settings: this.#world.plan.settings,
      random: randomOf(this.#world.plan.seed, name),
      invoke: (entries: readonly StreamEntry[]) => this.#world.lambda.invoke(entries),
      giveUp: (batch: GivenUp) => this.#giveUp(batch),
      lose: (entry: StreamEntry, why: string) => this.#loseEntry(entry, why),
      answerLost: ({ by }: InvocationResult) => by && this.#world.judge.answerLost(by),
      rates: () => this.#world.network.rates(),
      note: (situation: string) => this.#world.note(situation),
      problem: (text: string) => this.#world.judge.violation(text),
    };
    return new EventSourceMapping(this.stream, host, isSecond);
  }

  #giveUp(batch: GivenUp): void {
    this.#world.tell(
      () =>
        `given up (${batch.condition}): ${batch.entries.map(({ write }) => write.number).join(' ')}`,
    );
    const random = randomOf(this.#world.plan.seed, `batch ${batch.entries[0]?.write.number}`);
    if (!happens(random, this.#world.network.rates().lostBatch))
      this.#world.places.storeBatch(batch, this.#world.plan.settings.deadLetters === 'projected');
    else for (const entry of batch.entries) this.#loseEntry(entry, 'its batch was lost');
  }

  #loseEntry(entry: StreamEntry, why: string): void {
    entry.status = 'lost';
    // It may come from another stream, or once more.
    if (entry.kinesis?.isForeign !== true && !isComing(entry.write)) this.#lose(entry.write, why);
  }

  #lose(write: SourceWrite, why: string): void {
    write.lost = why;
    this.#world.note(`lost: ${why}`);
    this.#world.tell(() => `the record of write ${write.number} is lost: ${why}`);
  }

  letterPosted(body: string, process: Process): void {
    const entry = this.#entryOf(body);
    if (entry !== undefined) this.#world.judge.posted(entry, process);
  }

  letterExpired(body: string): void {
    const message = JSON.parse(body) as Record<'DDBStreamBatchInfo' | 'KinesisBatchInfo', unknown>;
    const range = (message.DDBStreamBatchInfo ?? message.KinesisBatchInfo) as
      | StreamRange
      | undefined;
    const entries = range === undefined ? [this.#entryOf(body)] : this.#entriesIn(range);
    for (const entry of entries)
      if (entry !== undefined) this.#lose(entry.write, 'its letter expired');
  }

  /** The record that a letter holds or names: of several that say the same, the first. */
  #entryOf(body: string): StreamEntry | undefined {
    const { key, sequenceNumber, streamArn, record = {} } = JSON.parse(body) as Letter;
    const entries = this.#world.judge.entries();
    const arrived = record.kinesis?.sequenceNumber ?? sequenceNumber;
    const garbage = entries.find(
      (one) => one.kinesis?.isGarbage === true && one.sequenceNumber === arrived,
    );
    if (garbage !== undefined) return garbage;
    const { eventSourceARN = streamArn, dynamodb } = record;
    const { SequenceNumber = sequenceNumber, Keys = key, NewImage } = dynamodb ?? {};
    const same = entries.filter(
      (one) =>
        one.record.dynamodb?.SequenceNumber === SequenceNumber &&
        one.record.eventSourceARN === eventSourceARN &&
        (one.kinesis === undefined || this.#world.keys.nameOf(Keys as Item) === one.write.key),
    );
    const image = JSON.stringify(NewImage);
    const isWhole = (one: StreamEntry) => JSON.stringify(one.record.dynamodb?.NewImage) === image;
    return same.find(isWhole) ?? same[0];
  }

  /** Of a letter: whether the stream's record of the write tells of nothing that Ferry knows. */
  isMalformed(body: string): boolean {
    const entry = body.includes('BatchInfo') ? undefined : this.#entryOf(body);
    return entry?.kinesis !== undefined && entry.write.malformed;
  }

  /** A projected letter with its record. */
  wholeLetter(body: string): string {
    const record = body.includes('BatchInfo') ? undefined : this.#entryOf(body)?.record;
    return JSON.stringify({ ...(JSON.parse(body) as object), ...(record && { record }) });
  }

  /** What the stream still has of a range; if it has not all of it, the rest is lost. */
  readRange(range: StreamRange): readonly unknown[] | 'trimmed' {
    const entries = this.#entriesIn(range);
    const nowMs = this.#world.scheduler.now();
    if (!entries.some((entry) => isTrimmed(entry, nowMs))) return entries.map(eventOf);
    this.#world.note('range trimmed before its redrive');
    for (const entry of entries)
      if (entry.status === 'given-up') this.#loseEntry(entry, 'trimmed before its redrive');
    return 'trimmed';
  }

  /** Whether a range cannot be put back as a whole. */
  staysAside(range: StreamRange): boolean {
    const nowMs = this.#world.scheduler.now();
    const entries = this.#entriesIn(range);
    return entries.some((entry) => isTrimmed(entry, nowMs) || entry.write.malformed);
  }

  #entriesIn({ streamArn, shardId, ...range }: StreamRange): StreamEntry[] {
    const from = BigInt(range.startSequenceNumber);
    const to = BigInt(range.endSequenceNumber);
    return this.#world.judge.entries().filter((entry) => {
      const number = BigInt(entry.sequenceNumber);
      const arn = entry.kinesis === undefined ? entry.record.eventSourceARN : KINESIS_STREAM_ARN;
      const isOfShard = entry.shardId === shardId && arn === streamArn;
      return isOfShard && number >= from && number <= to;
    });
  }

  #imageOf({ number, key, poison, keeps, brought }: PlannedWrite): Item {
    const { keys, plan, scheduler } = this.#world;
    const image = { ...keys.keyOf(key), w: { N: String(number) } };
    const beat = { writtenAt: { N: String(Math.floor(scheduler.now())) } };
    const isBeat = plan.settings.hasHeartbeat && key === HEARTBEAT_KEY;
    return {
      ...image,
      ...(plan.settings.hasOldImages !== undefined && attributesOf(plan.seed, { number, keeps })),
      ...(isBeat ? beat : {}),
      ...(poison ? { poison: { BOOL: true } } : {}),
      // As the twin has them: which write of the application, and the version.
      ...(brought?.['w'] && { of: brought['w'] }),
      ...(brought?.['_ferry'] && { _ferry: brought['_ferry'] }),
    };
  }
}

interface Letter {
  readonly key?: Item | undefined;
  readonly record?:
    | (StreamEntry['record'] & { readonly kinesis?: { readonly sequenceNumber: string } })
    | undefined;
  readonly streamArn?: string | undefined;
  readonly sequenceNumber?: string | undefined;
}

/** Of the item that heartbeats are written to, where there are any. */
export const HEARTBEAT_KEY = 'a';

/** Written long before the stream was switched on. */
function olderThanStream({ startMs }: Plan, key: string): Omit<PlannedWrite, 'number'> {
  return { atMs: startMs - HOUR, key, kind: 'put', poison: false, malformed: false };
}
