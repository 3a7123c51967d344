// The source: the application's writes, the table's stream, and the event source mapping behind it, which
// are replaced when the stream is switched off and on again.

import { EventSourceMapping, type GivenUp } from './event-source.ts';
import { TABLES } from './judge.ts';
import type { Item } from './memory-dynamodb.ts';
import { HOUR, type Plan, type PlannedWrite } from './plan.ts';
import { happens, randomOf } from './random.ts';
import { SourceStream, type SourceWrite, type StreamEntry } from './stream.ts';
import type { World } from './world.ts';

export class SourceTable {
  stream: SourceStream;
  mapping: EventSourceMapping;
  readonly #world: World;
  #isRecreating = false;
  /** Resolves when the mappings of all earlier streams are done. */
  #drained: Promise<unknown> = Promise.resolve();

  constructor(world: World) {
    this.#world = world;
    const { preExisting, settings } = world.plan;
    for (const [index, key] of preExisting.entries())
      this.#accept({ ...olderThanStream(world.plan, key), number: index + 1 });
    this.stream = this.#newStream(settings.firstSequenceNumber);
    this.mapping = this.#newMapping();
  }

  /** A write of the application. */
  write(planned: PlannedWrite): void {
    const write = this.#accept(planned);
    if (write !== undefined) this.#record(write);
  }

  /** Undefined where nothing changes: deleting what is not there makes no record. */
  #accept(planned: PlannedWrite): SourceWrite | undefined {
    const { number, kind, key, malformed } = planned;
    const atMs = this.#world.scheduler.now();
    const image = kind === 'put' ? imageOf(planned) : undefined;
    if (image === undefined && this.#world.db.get(TABLES.source, key) === undefined)
      return undefined;
    this.#world.tell(() => `write ${number}: ${kind} ${key}${planned.poison ? ', poison' : ''}`);
    const facts = { number, key, malformed: malformed && kind !== 'expire', atMs, image };
    const write: SourceWrite = {
      ...facts,
      kind: image === undefined ? 'delete' : 'put',
      expired: kind === 'expire',
    };
    this.#world.judge.accept(write);
    this.#store(key, image);
    return write;
  }

  #store(key: string, image: Item | undefined): void {
    const input = { TableName: TABLES.source };
    if (image === undefined)
      this.#world.db.execute(
        { operation: 'DeleteItem', input: { ...input, Key: { pk: { S: key } } } },
        undefined,
      );
    else
      this.#world.db.execute({ operation: 'PutItem', input: { ...input, Item: image } }, undefined);
  }

  #record(write: SourceWrite): void {
    this.stream.append(write);
    if (write.entry === undefined) {
      this.#lose(write, 'no stream was on');
      return;
    }
    if (write.malformed) this.#world.note('malformed record');
    this.#world.judge.learn(write.entry, this.stream.labelMs);
    this.mapping.discover();
  }

  split(): void {
    this.stream.split();
    this.#world.note('shard split');
    this.#world.tell(() => 'the shards split');
    this.mapping.discover();
  }

  /** The stream ends, and another one begins; its mapping begins when the old one's work is over. */
  recreateStream(gapMs: number, drained: boolean): void {
    if (this.#isRecreating) return;
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
      this.mapping = this.#newMapping();
      const fresh = this.mapping;
      fresh.pause();
      this.#drained = Promise.all([this.#drained, old.idle()]);
      void this.#drained.then(() => fresh.resume());
      this.#isRecreating = false;
    });
  }

  #newStream(firstSequenceNumber: string): SourceStream {
    return new SourceStream({ labelMs: this.#world.scheduler.now(), firstSequenceNumber });
  }

  #newMapping(): EventSourceMapping {
    return new EventSourceMapping(this.stream, {
      scheduler: this.#world.scheduler,
      settings: this.#world.plan.settings,
      random: randomOf(this.#world.plan.seed, `mapping ${this.stream.labelMs}`),
      invoke: (entries) => this.#world.lambda.invoke(entries),
      giveUp: (batch) => this.#giveUp(batch),
      lose: (entry, why) => this.#loseEntry(entry, why),
      lostAck: () => this.#world.network.rates().lostAck,
      note: (situation) => this.#world.note(situation),
      problem: (text) => this.#world.judge.violation(text),
    });
  }

  #giveUp(batch: GivenUp): void {
    this.#world.tell(
      () =>
        `given up (${batch.condition}): ${batch.entries.map(({ write }) => write.number).join(' ')}`,
    );
    const random = randomOf(this.#world.plan.seed, `batch ${batch.entries[0]?.write.number}`);
    if (!happens(random, this.#world.network.rates().lostBatch))
      this.#world.places.storeBatch(batch);
    else for (const entry of batch.entries) this.#loseEntry(entry, 'its batch was lost');
  }

  #loseEntry(entry: StreamEntry, why: string): void {
    entry.status = 'lost';
    this.#lose(entry.write, why);
  }

  #lose(write: SourceWrite, why: string): void {
    write.lost = why;
    this.#world.note(`lost: ${why}`);
    this.#world.tell(() => `the record of write ${write.number} is lost: ${why}`);
  }

  letterPosted(body: string): void {
    const entry = this.#writeOf(body)?.entry;
    if (entry !== undefined) this.#world.judge.posted(entry);
  }

  letterExpired(body: string): void {
    const write = this.#writeOf(body);
    if (write !== undefined) this.#lose(write, 'its letter expired');
  }

  /** The write whose record a letter holds. */
  #writeOf(body: string): SourceWrite | undefined {
    const { record } = JSON.parse(body) as { record: StreamEntry['record'] };
    const { SequenceNumber } = record.dynamodb ?? {};
    const label = record.eventSourceARN ?? '';
    return this.#world.judge
      .writes()
      .find(
        ({ entry }) =>
          entry?.sequenceNumber === SequenceNumber && entry?.record.eventSourceARN === label,
      );
  }
}

/** Written long before the stream was switched on. */
function olderThanStream({ startMs }: Plan, key: string): Omit<PlannedWrite, 'number'> {
  return { atMs: startMs - HOUR, key, kind: 'put', poison: false, malformed: false };
}

function imageOf({ number, key, poison }: PlannedWrite): Item {
  const image = { pk: { S: key }, w: { N: String(number) } };
  return poison ? { ...image, poison: { BOOL: true } } : image;
}
