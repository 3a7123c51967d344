// The position of one shard, as it is kept: written once its records are settled, at most once a second, and at the end.

import { describeError } from '../errors.ts';
import type { Positions, StoredPosition } from '../ports.ts';
import type { ConsumerContext } from './context.ts';
import { createdAtSecondsOf, type EventRecord, sequenceNumberOf } from './event-record.ts';
import { isFenced } from './process-lease.ts';
import { SettledPrefix } from './settled-prefix.ts';

const WRITE_INTERVAL_MS = 1_000;
/** A shard without records has no new position; its time says that it is read. */
const REFRESH_INTERVAL_MS = 15 * 60_000;
const LAST_WRITES_MAX = 3;

export class KeptPosition {
  readonly #shardId: string;
  readonly #positions: Positions;
  readonly #consumer: ConsumerContext;
  readonly #prefix: SettledPrefix;
  #position: StoredPosition;
  #written: StoredPosition | undefined;
  #writtenAtMs = -Infinity;
  /** When the shard was last seen to have nothing more, epoch milliseconds. */
  #tipAtMs = -Infinity;
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;

  constructor(
    shardId: string,
    { consumer, positions }: { consumer: ConsumerContext; positions: Positions },
    { stored, first }: { stored: StoredPosition | undefined; first: StoredPosition },
  ) {
    this.#shardId = shardId;
    this.#positions = positions;
    this.#consumer = consumer;
    this.#prefix = new SettledPrefix(first.after);
    this.#position = first;
    this.#written = stored;
    // A shard that is not known yet, and waits for its parent, could be trimmed and not be missed.
    this.#writeSoon();
  }

  /** Everything that had come to the shard by then is settled, epoch milliseconds. */
  get settledAtMs(): number {
    return this.#position.atMs;
  }

  receive(record: EventRecord): void {
    this.#prefix.receive(sequenceNumberOf(record));
    const seconds = createdAtSecondsOf(record);
    // While nothing is settled, the beginning is as old as its first record.
    if (this.#position.after === undefined && seconds !== undefined)
      this.#isAsOldAs(seconds * 1000);
  }

  settle(records: readonly EventRecord[]): void {
    if (!this.#prefix.settle(records.map(sequenceNumberOf))) return;
    const last = records.find((record) => sequenceNumberOf(record) === this.#prefix.last);
    const seconds = last && createdAtSecondsOf(last);
    this.#move({}, seconds === undefined ? -Infinity : seconds * 1000);
  }

  /** Everything that the shard had at that time has been received. */
  atTip(nowMs: number): void {
    this.#tipAtMs = nowMs;
    // The clock may have been set back.
    this.#isAsOldAs(nowMs);
    this.#move({}, -Infinity);
  }

  close(): void {
    this.#move({ closed: true }, this.#consumer.options.clock.now());
  }

  /** Resolves once the newest position is written, or cannot be. */
  async over(): Promise<void> {
    await this.#writing;
    for (let attempt = 1; attempt <= LAST_WRITES_MAX && this.#isDue(); attempt += 1) {
      if (await this.#write(attempt)) return;
    }
  }

  #isAsOldAs(atMs: number): void {
    if (atMs >= this.#position.atMs) return;
    this.#position = { ...this.#position, atMs };
    this.#writeSoon();
  }

  #move(change: Partial<StoredPosition>, atMs: number): void {
    const tipAtMs = this.#prefix.isWhole ? this.#tipAtMs : -Infinity;
    this.#position = {
      ...this.#position,
      ...change,
      after: this.#prefix.last,
      atMs: Math.max(this.#position.atMs, atMs, tipAtMs),
      keptMs: this.#consumer.options.retentionMs,
    };
    this.#writeSoon();
  }

  #isDue(): boolean {
    const [written, { after, closed, atMs, keptMs }] = [this.#written, this.#position];
    if (written === undefined || written.after !== after || written.closed !== closed) return true;
    if (written.keptMs !== keptMs) return true;
    const laterMs = atMs - written.atMs;
    return Math.abs(laterMs) >= REFRESH_INTERVAL_MS || (after === undefined && laterMs < 0);
  }

  #writeSoon(): void {
    if (this.#isWriting || !this.#isDue()) return;
    this.#isWriting = true;
    this.#writing = this.#writeWhileDue();
  }

  async #writeWhileDue(): Promise<void> {
    let failures = 0;
    while (this.#isDue()) {
      await this.#consumer.sleep(WRITE_INTERVAL_MS, this.#writtenAtMs);
      // The last write is that of over().
      if (this.#consumer.stopping) break;
      failures = (await this.#write(failures + 1)) ? 0 : failures + 1;
      if (failures > 0) await this.#consumer.backOff(failures);
    }
    this.#isWriting = false;
  }

  async #write(attempt: number): Promise<boolean> {
    const { clock, onProblem } = this.#consumer.options;
    const position = this.#position;
    this.#writtenAtMs = clock.now();
    try {
      await this.#positions.write(this.#shardId, position);
      this.#written = position;
      return true;
    } catch (error) {
      const where = `the position of shard ${this.#shardId}`;
      onProblem(`write ${where}, attempt ${attempt}: ${describeError(error)}`);
      if (isFenced(error)) this.#consumer.lose(error);
      return false;
    }
  }
}
