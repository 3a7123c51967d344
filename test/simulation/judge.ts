// Watches everything that the twin ever shows, and knows the whole history of the source. Shares no code
// with what it judges: versions are rebuilt here from the protocol's text.
//
// What an item shows is a place in its history: the number of a put, or of a delete where it is gone.
// It only ever moves forward, but for the exceptions of exceptions.ts, which are counted by name.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { epochOf, excuseOf, type ItemHistory, newHistory, type StepBack } from './exceptions.ts';
import { ControlHistory } from './judge-control.ts';
import type { Keys } from './keys.ts';
import type { Announced } from './look-again-queue.ts';
import type { Change, Item } from './memory-dynamodb.ts';
import { MINUTE, SECOND } from './plan.ts';
import type { Process, Sent } from './process.ts';
import { type ProcessSettings, type Seen, seenIn, textOf, twinOf } from './projecting.ts';
import type { SourceWrite, StreamEntry } from './stream.ts';

export const TABLES = { source: 'source', twin: 'twin', state: 'state' } as const;

/** What clocks and late requests take off the life of a tombstone or a failure bound at most. */
const SLACK_MS = 10 * MINUTE;
/** A request, and Z. */
const LATE_MS = 15 * SECOND;
const EPOCH_LENGTH = 5;
const LABEL_LENGTH = 13;

export interface JudgeHost {
  now(): number;
  note(situation: string): void;
  tell(line: () => string): void;
  readonly keys: Keys;
  /** What a tombstone or a failure bound outlives, by the stream that a process reads or that is read now. */
  memoryMs(process?: Process): number;
  /** The rules of a projection for an item, which may be exempt. */
  plannedFor(key: string, settings: ProcessSettings): ProcessSettings['planned'];
  /** Whether a process has rules of a projection that have been replaced too long ago. */
  isOutdated(process: Process): boolean;
}

export class Judge {
  readonly violations: string[] = [];
  /** By number. */
  readonly #writes = new Map<number, SourceWrite>();
  readonly #ignored: ReadonlySet<string>;
  readonly #host: JudgeHost;
  readonly #items = new Map<string, ItemHistory>();
  readonly control = new ControlHistory();
  /** Of every item that either table has or had, by the text that Ferry knows it by. */
  readonly #names = new Map<string, string>();
  /** By what their versions say behind the epoch: records in a Kinesis stream may say the same. */
  readonly #entries = new Map<string, StreamEntry[]>();
  readonly #labels = new Map<StreamEntry, string>();
  readonly #places = new Map<string, number>();
  /** Ledger rows by their items. */
  readonly #rows = new Map<string, Item>();
  readonly #rowNames = new Map<string, string>();
  /** Places of deletes that have no record, by item and version. */
  readonly #deletes = new Map<string, number>();
  /** The newest write of each item that has a record. */
  readonly #newest = new Map<string, SourceWrite>();
  /** When the state table was made anew. */
  #lostAtMs = -Infinity;
  /** When the first item or ledger row was written since. */
  #writtenAtMs = Infinity;
  /** Items that the twin has. */
  readonly #present = new Set<string>();
  /** Versions that the twin shows, by item. */
  readonly #versionsShown = new Map<string, string>();
  /** Processes that have sent letters, by record. */
  readonly #writers = new Map<StreamEntry, Set<Process>>();

  /** @param ignored kinds of violations, the words before their colons. */
  constructor(host: JudgeHost, ignored: ReadonlySet<string> = new Set()) {
    this.#host = host;
    this.#ignored = ignored;
  }

  note(situation: string): void {
    this.#host.note(situation);
  }

  violation(text: string): void {
    if (this.#ignored.has(text.split(':')[0] ?? '')) return;
    this.#host.tell(() => `VIOLATION ${text}`);
    this.violations.push(text);
  }

  /** How far the history of an item has come at the source. */
  placeOf(key: string): number {
    return this.#places.get(key) ?? 0;
  }

  writes(): SourceWrite[] {
    return [...this.#writes.values()];
  }

  entries(): StreamEntry[] {
    return [...this.#entries.values()].flat();
  }

  accept(write: SourceWrite): void {
    this.#writes.set(write.number, write);
    this.#places.set(write.key, write.number);
    this.#names.set(this.#host.keys.textOf(write.key), write.key);
  }

  /** To be told of every record, with the creation time of its stream. */
  learn(entry: StreamEntry, labelMs: number): void {
    const label = labelText(labelMs, entry.record.dynamodb?.SequenceNumber ?? '');
    const same = this.#entries.get(label);
    if (same === undefined) this.#entries.set(label, [entry]);
    else same.push(entry);
    this.#labels.set(entry, label);
    const newest = this.#newest.get(entry.write.key);
    if (newest === undefined || newest.number < entry.write.number)
      this.#newest.set(entry.write.key, entry.write);
  }

  /**
   * Whether a Kinesis stream does not tell which of two writes of an item came first: they have the same time, or one
   * has no more than the millisecond of the other. Such a time may be that of the other, or not.
   */
  tieOf(key: string, one: number, other: number): 'same' | 'near' | undefined {
    const [a, b] = [one, other].map((number) => this.#writes.get(number));
    if (one === other || a?.key !== key || b?.key !== key) return undefined;
    if (a.micros === undefined || b.micros === undefined) return undefined;
    if (a.micros === b.micros) return 'same';
    const isExact = a.isExact === true && b.isExact === true;
    const isNear = Math.floor(a.micros / 1000) === Math.floor(b.micros / 1000);
    return isNear && !isExact ? 'near' : undefined;
  }

  itemOf(key: string): Readonly<ItemHistory> {
    return this.#historyOf(key);
  }

  /**
   * The record that a version of an item stands for.
   * @param isMeant where several changes have the same time.
   */
  entryOf(
    version: string,
    key?: string,
    isMeant: (write: SourceWrite) => boolean = () => true,
  ): StreamEntry | undefined {
    const all = this.#entries.get(version.slice(EPOCH_LENGTH)) ?? [];
    const own = all.filter(({ write }) => key === undefined || write.key === key);
    return own.find(({ write }) => isMeant(write)) ?? own[0];
  }

  /** All records that say the same as this one, itself among them. */
  #copiesOf({ write, record }: StreamEntry): StreamEntry[] {
    return write.entries.filter((one) => one.record.eventSourceARN === record.eventSourceARN);
  }

  nameOfKey(key: Item): string | undefined {
    return this.#host.keys.nameOf(key);
  }

  /** The item that a request writes to, or remembers. */
  nameIn(request: WriteRequest | undefined): string | undefined {
    if (request === undefined) return undefined;
    const { operation, input } = request;
    if (operation === 'UpdateItem') {
      const text = input.ExpressionAttributeValues?.[':key']?.S;
      return this.#names.get(text ?? '') ?? this.#rowNames.get(input.Key?.['id']?.S ?? '');
    }
    if (operation !== 'TransactWriteItems')
      return this.#host.keys.nameOf((operation === 'PutItem' ? input.Item : input.Key) ?? {});
    const [first] = input.TransactItems ?? [];
    const key = first?.Put?.Item ?? (first?.Delete ?? first?.ConditionCheck)?.Key;
    return this.#host.keys.nameOf(key ?? {});
  }

  /** Of a record, as of now. */
  versionOf(entry: StreamEntry): string {
    const epoch = this.control.epochOf(entry.record.eventSourceARN ?? '');
    return `${String(epoch).padStart(4, '0')}.${this.#labels.get(entry) ?? ''}`;
  }

  /** The item that a ledger row is of, by the row's id. */
  nameOfRow(id: string): string | undefined {
    return this.#rowNames.get(id);
  }

  /** A delete above it is remembered, by a repair that got no further or by a record that is lost. */
  isOverruled({ key, entries }: SourceWrite): boolean {
    const deleted = this.#rows.get(key)?.['d']?.S ?? '';
    return entries.length > 0 && entries.every((entry) => deleted > this.versionOf(entry));
  }

  /** The queue takes a letter: by then, its failure bound is remembered, and for long enough. */
  posted(entry: StreamEntry, process: Process): void {
    const { key, number } = entry.write;
    const row = this.#rows.get(key);
    const isBound = (row?.['f']?.S ?? '') >= this.versionOf(entry);
    // An adoption follows, and the letter is from before it.
    const isAnew = process.startedAtMs <= this.#lostAtMs;
    // What names no item has no bound.
    const isGarbage = entry.kinesis?.isGarbage === true;
    if (
      !this.itemOf(key).isTampered &&
      !isAnew &&
      !isGarbage &&
      (!isBound || !this.#lives(row, process))
    )
      this.violation(`memory: the letter of write ${number} has no failure bound`);
    entry.letters += 1;
    if (entry.letters > 1) this.#host.note('letter sent again');
    if (process.isUnheard) entry.lettersAllowed += 1;
    const writers = this.#writers.get(entry) ?? new Set();
    this.#writers.set(entry, writers.add(process));
  }

  /** Nobody has heard the answer of an invocation. */
  answerLost(process: Process): void {
    process.isUnheard = true;
    for (const [entry, writers] of this.#writers)
      if (writers.has(process)) entry.lettersAllowed += 1;
  }

  /** A record has one letter; more only where an answer was lost after it, or the queue failed beside it. */
  requireLetters(): void {
    for (const [entry, writers] of this.#writers) {
      const failures = [...writers].filter(({ failedLetters }) => failedLetters > 0);
      const copies = this.#copiesOf(entry).map(({ lettersAllowed }) => lettersAllowed);
      const allowed = copies.reduce((sum, one) => sum + one, failures.length);
      if (entry.letters > allowed)
        this.violation(
          `letters: write ${entry.write.number} has ${entry.letters}, and ${allowed} are explained`,
        );
    }
  }

  /** A repair announces also what it does not know to have deleted. */
  announced({ deletes }: Announced, { sourceReads }: Process): void {
    if (deletes.length > 0) this.#host.note('delete announced');
    for (const { name, version } of deletes) {
      const id = `${name} ${version}`;
      const read = sourceReads.get(name);
      if (read !== undefined && !this.#deletes.has(id)) this.#deletes.set(id, read);
    }
  }

  /** What looking again says that it has removed, against what it was told. */
  counted(revenants: number, { writes, facts }: Process): void {
    const removed = writes.filter(({ told }) => told === 'written').length;
    if (revenants !== removed)
      this.violation(
        `counters: ${facts.name} counts ${revenants} revenants, and removed ${removed}`,
      );
  }

  /** What was announced in an epoch that had ended before is dropped, unread. */
  countedLooks(looked: number, done: readonly Announced[], process: Process): void {
    const { epoch, isDuring } = this.control.epochSince(process.startedAtMs);
    if (isDuring) return;
    const due = done.filter((one) => one.epoch === epoch).flatMap(({ deletes }) => deletes).length;
    if (done.some((one) => one.epoch < epoch)) this.#host.note('announcement of an ended epoch');
    if (looked !== due)
      this.violation(`counters: ${process.facts.name} looked at ${looked} deletes, not ${due}`);
  }

  /** An announcement is done with: whatever has come back since its delete is gone, if the delete was done. */
  lookedAt({ epoch, deletes }: Announced, process: Process): void {
    for (const { name, version } of deletes) {
      const item = this.#historyOf(name);
      const isDone = (this.#rows.get(name)?.['d']?.S ?? '') >= version;
      if (!isDone) continue;
      const isBack = item.backSinceMs !== undefined && item.backSinceMs < process.startedAtMs;
      const isOlder = (this.#versionsShown.get(name) ?? '~') < version;
      if (isBack && isOlder && epoch === this.control.epoch())
        this.violation(`revenant: ${name} is still there, after its delete was looked at again`);
      if (version > item.looked) item.looked = version;
    }
  }

  lettered({ write, kinesis }: StreamEntry): void {
    // What names no item has no bound.
    if (kinesis?.isGarbage === true) return;
    const item = this.#historyOf(write.key);
    item.lettered = Math.max(item.lettered, write.number);
  }

  /**
   * Somebody wrote to the twin, and the version is gone: nobody can be blamed for what follows, until the
   * item has a version again that is above all its records.
   */
  tampered(key: string): void {
    const item = this.#historyOf(key);
    item.isTampered = true;
    item.shown = 0;
    item.high = 0;
  }

  /**
   * A table has been made anew. Where this came while the mapping delivered, nobody can be blamed for what
   * the items show before they have newer versions.
   */
  recreated(table: string, isSudden: boolean): void {
    for (const item of this.#items.values()) {
      if (table === TABLES.twin) Object.assign(item, SHOWS_NOTHING);
      if (table === TABLES.state) {
        item.tombstones.length = 0;
        const isForgotten = this.#versionsShown.size === 0;
        // Failure bounds are lost, too: a repair is above those that there are from now on.
        const bounds = { lettered: 0, remembered: 0, repairedAbove: 0 };
        Object.assign(item, { epoch: 0, shownIn: 0, hasForgotten: true, isForgotten, ...bounds });
      }
      if (isSudden) Object.assign(item, { ...SHOWS_NOTHING, isTampered: true });
      item.looked = '';
    }
    if (table === TABLES.twin) {
      this.#versionsShown.clear();
      this.#present.clear();
    }
    if (table !== TABLES.state) return;
    this.#rows.clear();
    this.#lostAtMs = this.#host.now();
    this.#writtenAtMs = Infinity;
    this.control.note(undefined, this.#host.now());
  }

  onChange(change: Change, cause: unknown): void {
    const sent = cause as Sent | undefined;
    if (change.table === TABLES.state && change.key.endsWith('#control')) {
      this.#onControlRow(change, sent);
      return;
    }
    if (change.table === TABLES.twin)
      if (change.after === undefined) this.#present.delete(change.key);
      else this.#present.add(change.key);
    if (sent === undefined) {
      if (change.table === TABLES.twin) this.#versionsShown.delete(change.key);
      return;
    }
    this.#writtenAtMs = Math.min(this.#writtenAtMs, this.#host.now());
    if (change.table === TABLES.twin) this.#onTwin(change, sent);
    if (change.table === TABLES.state) this.#onLedgerRow(change, sent);
  }

  #onControlRow({ before, after }: Change, sent: Sent | undefined): void {
    const isOver = before === undefined && this.#versionsShown.size + this.#rows.size > 0;
    // Whoever looked before anything was written, into tables that were lost meanwhile, could not see it.
    const hasLooked =
      (sent?.process.startedAtMs ?? 0) > Math.max(this.#lostAtMs, this.#writtenAtMs);
    if (isOver && hasLooked && sent?.process.facts.kind !== 'adopt')
      this.violation('control: a first row was written over what Ferry has written');
    const [old, next] = [before, after].map((row) => Number(row?.['revision']?.N ?? 0));
    if (next !== (old ?? 0) + 1 || after?.['expiresAt'] !== undefined)
      this.violation(`control: its revision went from ${old} to ${next}`);
    this.control.note(after, this.#host.now());
    this.#host.note(next === 1 ? 'first adoption' : 'epoch opened');
    this.#host.tell(() => `the control row is revision ${next}`);
  }

  /** What is remembered of an item only grows, and so does the time for which it is. */
  #onLedgerRow(change: Change, sent: Sent): void {
    const { key: id, before, after } = change;
    const key = this.#names.get(after?.['key']?.S ?? '') ?? this.#rowNames.get(id);
    // A backfill's checkpoints are there, too.
    if (key === undefined) return;
    this.#rowNames.set(id, key);
    if (after !== undefined) this.#rows.set(key, after);
    const [oldEnd, end] = [expiryOf(before), expiryOf(after)];
    // Behind another stream, rows live shorter or longer.
    const isShorter = end < Math.min(oldEnd, this.#host.now() + this.#host.memoryMs()) - SLACK_MS;
    if (!this.#lives(after, sent.process) || isShorter)
      this.violation(`memory: ${key} lives until ${end}, and did until ${oldEnd}`);
    for (const name of ['d', 'f']) {
      const [old, next] = [before?.[name]?.S ?? '', after?.[name]?.S ?? ''];
      if (next < old) this.violation(`memory: ${name} of ${key} went from ${old} to ${next}`);
    }
    const deleted = after?.['d']?.S;
    if (deleted === undefined || deleted === before?.['d']?.S) return;
    const item = this.#historyOf(key);
    item.tombstones.push({ atMs: this.#host.now(), version: deleted });
    const isDelete = ({ kind }: SourceWrite) => kind === 'delete';
    const deletedAs = this.entryOf(deleted, key, isDelete)?.write.number;
    const place = deletedAs ?? sent.process.sourceReads.get(key) ?? item.shown;
    // Where no item is, remembering its delete is all that is done.
    if (!this.#present.has(key)) {
      item.shown = Math.max(item.shown, place);
      this.#reach(item, this.#host.now());
    }
    if (deletedAs !== undefined) return;
    item.read = Math.max(item.read, place);
    item.readAtMs = this.#host.now();
    this.#deletes.set(`${key} ${deleted}`, place);
    // A repair's delete is above the letters that there are by now, not those that come before it is done.
    item.remembered = item.lettered;
  }

  #lives(row: Item | undefined, process: Process): boolean {
    return expiryOf(row) >= this.#host.now() + this.#host.memoryMs(process) - SLACK_MS;
  }

  #onTwin(change: Change, sent: Sent): void {
    const { key, before, after } = change;
    const step = this.#stepOf(change, sent);
    const item = this.#historyOf(key);
    this.#tellStep(change, sent, step.place);
    this.#requireVersion(change, sent, item);
    if (after !== undefined) this.#requireWritten(key, after, sent.process.facts.settings);
    const isVisible = before !== undefined || after !== undefined;
    const { shown } = item;
    if (step.by === 'read') {
      this.#requireFloor(change, sent);
      this.#showRead(change, item, step);
    } else if (step.place >= item.shown) item.shown = step.place;
    else if (isVisible) this.#stepBack({ item, change, sent, place: step.place });
    const version = versionOfItem(after) ?? versionIn(sent.intent);
    if (item.shown !== shown || step.place === shown) {
      item.shownIn = epochOf(version);
      item.shownAtMs = this.#host.now();
    }
    if (item.shown >= item.high) {
      item.stays = undefined;
      if (item.backSinceMs !== undefined) this.#host.note('gone again');
      item.backSinceMs = undefined;
    }
    this.#reach(item, item.shownAtMs);
    item.high = Math.max(item.high, item.shown);
    if (this.#host.isOutdated(sent.process)) item.stays = 'later than D';
    if (version !== undefined && version >= this.#newestVersion(key)) item.isTampered = false;
    if (step.by !== 'record') return;
    if (epochOf(version) > item.epoch) item.streamed = 0;
    item.epoch = Math.max(item.epoch, epochOf(version));
    item.streamed = Math.max(item.streamed, step.place);
  }

  #reach(item: ItemHistory, atMs: number): void {
    if (item.shown < item.top) return;
    item.top = item.shown;
    item.topAtMs = atMs;
  }

  #newestVersion(key: string): string {
    const { entries = [] } = this.#newest.get(key) ?? {};
    // A table that has moved to Kinesis has older records with higher versions, until an epoch is opened.
    const isMoved = entries.some(({ kinesis }) => kinesis !== undefined);
    const all = this.writes().filter((write) => write.key === key);
    const due = isMoved ? all.flatMap((write) => write.entries) : entries;
    const versions = due.map((entry) => this.versionOf(entry));
    return versions.reduce((high, one) => (one > high ? one : high), '');
  }

  /** Versions never go down, and what lands is of the epoch that is in force. */
  #requireVersion({ key, before, after }: Change, sent: Sent, item: ItemHistory): void {
    const [old, next] = [versionOfItem(before), versionOfItem(after)];
    if (next === undefined) this.#versionsShown.delete(key);
    else this.#versionsShown.set(key, next);
    if (old !== undefined && next !== undefined && next < old && !item.isTampered)
      this.violation(`version: ${key} went from ${old} to ${next}`);
    const isLate = this.#host.now() > sent.sentAtMs + LATE_MS;
    if (sent.process.facts.kind !== 'handler' || item.isTampered) return;
    const isKnown = this.control.isThere();
    if (next !== undefined && isKnown && !isLate && epochOf(next) !== this.control.epoch())
      this.violation(`epoch: ${key} is written in ${epochOf(next)}, not ${this.control.epoch()}`);
  }

  #tellStep({ key, after }: Change, { process, sentAtMs }: Sent, place: number): void {
    this.#host.tell(() => {
      const late = this.#host.now() - sentAtMs;
      const what = after === undefined ? 'is gone' : `shows write ${after['w']?.N}`;
      return `${key} ${what} (place ${place}) by ${process.facts.name}, sent ${late.toFixed(0)} ms ago`;
    });
  }

  /** What is written from the source is above all records of earlier streams. */
  #requireFloor(change: Change, { process, intent }: Sent): void {
    const version = versionOfItem(change.after) ?? versionIn(intent) ?? '';
    const label = version.slice(EPOCH_LENGTH, EPOCH_LENGTH + LABEL_LENGTH);
    const isLow = Number(label) < process.labelMs;
    if (isLow && epochOf(version) === this.control.epoch())
      this.violation(`floor: ${process.facts.name} wrote ${change.key} at ${version}`);
  }

  /** What a copy or a repair writes was read at the source, and is never older than what was shown. */
  #showRead({ key, after }: Change, item: ItemHistory, { place, isRepair }: Step): void {
    if (place < item.high)
      this.violation(
        `${isRepair ? 'repair' : 'copy'}: took ${key} from ${item.high} back to ${place}`,
      );
    this.#host.note(isRepair ? 'repaired' : 'copied');
    item.shown = place;
    item.read = Math.max(item.read, place);
    item.readAtMs = this.#host.now();
    if (!isRepair) return;
    item.isRepaired = true;
    item.repairedAbove = after === undefined ? item.remembered : item.lettered;
  }

  #stepBack(back: Pick<StepBack, 'item' | 'change' | 'sent' | 'place'>): void {
    const { item, change, sent, place } = back;
    const version = versionOfItem(change.after) ?? versionIn(sent.intent);
    const applied = this.entryOf(version ?? '', change.key, ({ number }) => number === place);
    const nowMs = this.#host.now();
    const isInsert = (one: StreamEntry) => this.seen(one, sent.process).isInsert;
    const copies = applied === undefined ? [] : this.#copiesOf(applied);
    const isTied = this.tieOf(change.key, item.shown, place) !== undefined;
    const excuse = excuseOf({ ...back, applied, copies, version, nowMs, isInsert, isTied });
    if ('is' in excuse) {
      this.#host.note(excuse.is);
      this.#host.tell(() => `${change.key}: ${excuse.is}`);
      if (excuse.is === 'later than D' || excuse.is === 'forgotten') item.stays = excuse.is;
      if (excuse.is === 'back for a while') item.backSinceMs ??= nowMs;
    } else {
      const { kind } = sent.process.facts;
      const what = `${kind} took ${change.key} from ${item.shown} back to ${place}`;
      this.violation(`history: ${what}; ${excuse.isNot}`);
    }
    item.shown = place;
  }

  /**
   * Whether a write is of an older epoch than what its item shows: its records in a Kinesis stream were done or put back
   * before the epoch was opened, and an older one has come since, late or once more. It is above all versions of the
   * epochs before.
   */
  isOfOlderEpoch({ key, number, entries }: SourceWrite): boolean {
    const { shownAtMs, top, topAtMs } = this.itemOf(key);
    const isEarlier = (atMs: number) => this.control.isOpenedBetween(atMs, shownAtMs);
    const isReached = top >= number && isEarlier(topAtMs);
    const isBefore = ({ kinesis, status, letters, wasGivenUp }: StreamEntry) =>
      kinesis !== undefined &&
      (status === 'done'
        ? isEarlier(kinesis.doneAtMs ?? Infinity)
        : isReached && (wasGivenUp === true || letters > 0));
    return entries.length > 0 && entries.every(isBefore);
  }

  /** What the hop before has brought has the version of that hop, which `twinOf` takes away. */
  #requireWritten(key: string, after: Item, settings: ProcessSettings): void {
    const write = this.#writes.get(Number(after['w']?.N));
    const { _ferry: _, ...content } = after;
    const expected = twinOf(write?.image ?? {}, this.#host.plannedFor(key, settings));
    if (expected === undefined) this.violation(`left out: ${key} is on the twin all the same`);
    else if (write?.key !== key || expected === 'fails' || textOf(expected) !== textOf(content))
      this.violation(`content: ${key} shows what was never written`);
  }

  /** A record as the twin sees it under the settings of a process. */
  seen(entry: StreamEntry, { facts: { settings } }: Process): Seen {
    const planned = this.#host.plannedFor(entry.write.key, settings);
    return seenIn(entry, { ...settings, planned });
  }

  #stepOf(change: Change, { process, intent }: Sent): Step {
    const { key, after } = change;
    const { kind } = process.facts;
    const place = after === undefined ? undefined : Number(after['w']?.N);
    const version = versionOfItem(after) ?? versionIn(intent) ?? '';
    const isShown = (write: SourceWrite) =>
      place === undefined ? write.kind === 'delete' : write.number === place;
    const entry = this.entryOf(version, key, isShown);
    if (kind === 'look-again') {
      this.#requireRevenant(change, version);
      const deleted = entry?.write.number ?? this.#deletes.get(`${key} ${version}`) ?? 0;
      return { by: 'look', isRepair: false, place: place ?? deleted };
    }
    if (entry === undefined || kind === 'repair' || kind === 'backfill') {
      const read = process.sourceReads.get(key) ?? 0;
      return { by: 'read', isRepair: version.endsWith('~'), place: place ?? read };
    }
    return { by: 'record', isRepair: false, place: place ?? this.#placeOfDelete(entry) };
  }

  /** From a Kinesis stream, an older delete may take away what has come back since a newer one, which is remembered. */
  #placeOfDelete(entry: StreamEntry): number {
    const { key, number } = entry.write;
    const remembered = this.#rows.get(key)?.['d']?.S ?? '';
    if (entry.kinesis === undefined || remembered < this.versionOf(entry)) return number;
    const isDelete = ({ kind }: SourceWrite) => kind === 'delete';
    return Math.max(number, this.entryOf(remembered, key, isDelete)?.write.number ?? 0);
  }

  /** Nothing else is deleted on the way: no item without a version, and none for an epoch that has ended. */
  #requireRevenant({ key, before }: Change, version: string): void {
    if (before === undefined) return;
    const held = versionOfItem(before);
    if (held === undefined || held >= version)
      this.violation(`look: ${key} was removed at ${held}, for a delete at ${version}`);
    if (epochOf(version) !== this.control.epoch())
      this.violation(`look: ${key} was removed for a delete of an epoch that has ended`);
  }

  #historyOf(key: string): ItemHistory {
    const found = this.#items.get(key) ?? newHistory();
    this.#items.set(key, found);
    return found;
  }
}

const SHOWS_NOTHING = {
  shown: 0,
  high: 0,
  streamed: 0,
  read: 0,
  stays: undefined,
  backSinceMs: undefined,
};

interface Step {
  /** A record of the stream, or what was read at the source. */
  readonly by: 'record' | 'read' | 'look';
  readonly isRepair: boolean;
  readonly place: number;
}

/** Of a ledger row, in epoch milliseconds. */
function expiryOf(row: Item | undefined): number {
  return Number(row?.['expiresAt']?.N ?? 0) * 1000;
}

/** Section 1 of the protocol, behind the epoch: label, sequence number, each of fixed width. */
function labelText(labelMs: number, sequenceNumber: string): string {
  return `${String(labelMs).padStart(13, '0')}.${sequenceNumber.padStart(40, '0')}`;
}

function versionOfItem(item: Item | undefined): string | undefined {
  return item?.['_ferry']?.M?.['v']?.S;
}

/** The version that a guarded write carries. */
export function versionIn(request: WriteRequest | undefined): string | undefined {
  if (request === undefined) return undefined;
  if (request.operation === 'TransactWriteItems') {
    const parts = request.input.TransactItems ?? [];
    const put = parts.find(({ Put }) => Put !== undefined)?.Put;
    if (put !== undefined) return versionOfItem(put.Item);
    const values = parts.map(({ Update, Delete }) => (Update ?? Delete)?.ExpressionAttributeValues);
    return values.map(versionInValues).findLast(Boolean);
  }
  if (request.operation === 'PutItem') return versionOfItem(request.input.Item);
  return versionInValues(request.input.ExpressionAttributeValues);
}

function versionInValues(values: Record<string, AttributeValue> | undefined): string | undefined {
  return (values?.[':v'] ?? values?.[':new'] ?? values?.[':d'])?.S;
}

/** Bounds of failed records stand beside the writes of their items. */
export function isBound({ intent }: Sent): boolean {
  return (
    intent?.operation === 'UpdateItem' && intent.input.ExpressionAttributeNames?.['#own'] !== 'd'
  );
}

export function isOfControlRow(request: WriteRequest | undefined): boolean {
  const item = request?.operation === 'PutItem' ? request.input.Item : undefined;
  return item?.['id']?.S?.endsWith('#control') === true;
}
