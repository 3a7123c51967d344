// What must hold in a world that is switched, told from what happens in its tables alone. Knows who has written what;
// shares no decision with the code that it judges.

import { parseControlRow } from '../../../src/model/control-item.ts';
import type { ControlRow, Epoch } from '../../../src/model/control-row.ts';
import type { BatchSummary } from '../../../src/model/batch-response.ts';
import type { Change, Item } from '../memory-dynamodb.ts';
import { SECOND } from '../plan.ts';
import type { Process, Sent } from '../process.ts';
import type { StreamEntry } from '../stream.ts';
import type { Side } from './plan.ts';
import type { Sight, Witness } from './ports.ts';
import type { Origin, Region, RegionWrite } from './region.ts';
import { isUndecided, strandedIn } from './stranded.ts';
import { SIDES, type SwitchWorld } from './world.ts';

const LEASE_MS = 5 * SECOND;
/** By so much, a clock of a sandbox may be behind. */
const LEASE_TOLERANCE_MS = 100;

const SIDE_OF: Readonly<Record<string, Side>> = { 'us-east-1': 'east', 'eu-west-1': 'west' };
const COPY_IDS: Readonly<Record<Side, string>> = {
  east: 'orders-back#control',
  west: 'orders#control',
};

type JudgedAs = 'application' | 'own' | 'stray' | 'ended' | 'stranded';

export class SwitchJudge {
  readonly violations: string[] = [];
  readonly rows: Partial<Record<Side, ControlRow>> = {};
  /** When each epoch was opened, by its number. */
  readonly openedAtMs = new Map<number, number>();
  /** Sequence numbers of letters that switches have accepted, and the epoch that each was to end. */
  readonly #accepted = new Map<string, number>();
  readonly #closedAtMs: Partial<Record<Side, number>> = {};
  /** The newest epoch that each copy has shown without closing. */
  readonly #shown: Partial<Record<Side, number>> = {};
  readonly #world: SwitchWorld;
  readonly #ignored: ReadonlySet<string>;
  readonly #judged = new Map<StreamEntry, JudgedAs>();
  /** Who has written an item last, by table and key. */
  readonly #last = new Map<string, Origin>();
  /** Sides and versions of what Ferry has written. */
  readonly #arrived = new Set<string>();
  #newest: Epoch | undefined;
  #isAfterLoss = false;

  constructor(world: SwitchWorld, ignored: ReadonlySet<string> = new Set()) {
    this.#world = world;
    this.#ignored = ignored;
  }

  violation(text: string): void {
    if (this.#ignored.has(text.split(':')[0] ?? '')) return;
    this.#world.tell(() => `VIOLATION ${text}`);
    this.violations.push(text);
  }

  activeSide(): Side {
    return SIDE_OF[this.#newest?.region ?? ''] ?? 'east';
  }

  /** Whether who writes there now writes to a twin that knows it: not so in a Region that was lost. */
  isTwin(side: Side): boolean {
    const known = this.rows[side]?.epochs.at(-1);
    const isTold = known?.n === this.#newest?.n || !this.#isAfterLoss;
    return isTold && side !== this.activeSide();
  }

  newest(): Epoch | undefined {
    return this.#newest;
  }

  /** For how long a side has been opened for the first time; 0 where it never was. */
  openedForMs(side: Side): number {
    const first = this.rows[side]?.epochs.find((one) => SIDE_OF[one.region] === side);
    const atMs = first && this.openedAtMs.get(first.n);
    return atMs === undefined ? 0 : this.#world.scheduler.now() - atMs;
  }

  accept(sequenceNumber: string): void {
    this.#accepted.set(sequenceNumber, this.#newest?.n ?? 0);
  }

  /** For how long the copy of a side has been closing. */
  closedForMs(side: Side): number {
    const atMs = this.#closedAtMs[side];
    return atMs === undefined ? 0 : this.#world.scheduler.now() - atMs;
  }

  onLedger({ table, key, before, after }: Change, sent: Sent | undefined): void {
    const side = SIDES.find((one) => table === `ledger-${one}`) ?? 'east';
    if (key !== COPY_IDS[side]) return;
    const found = parseControlRow(after);
    if (found.kind !== 'row') {
      this.violation(`copy: the copy in the ${side} is ${found.kind}`);
      return;
    }
    const earlier = parseControlRow(before);
    const { row } = found;
    this.rows[side] = row;
    this.#world.tell(() => `${sent?.process.facts.name}: ${describe(side, row)}`);
    if (earlier.kind === 'row') this.#requireGrowth(side, earlier.row, row);
    else this.#requireClosing(side, row);
    this.#noteClosing(side, row);
    this.#noteNewest(side, row);
  }

  #requireGrowth(side: Side, before: ControlRow, after: ControlRow): void {
    if (after.revision !== before.revision + 1)
      this.violation(`epochs: revision ${after.revision} after ${before.revision} in the ${side}`);
    for (const [index, old] of before.epochs.entries()) {
      const now = after.epochs[index];
      // Until it is opened, no function judges by its times.
      const isFirm = before.closing !== true;
      const isFromSame = now?.fromMs === old.fromMs || !isFirm;
      const isSame = now?.n === old.n && now.region === old.region && isFromSame;
      const isToSame = now?.toMs === old.toMs || (!isFirm && old.end === 'lost');
      const isEndSame = old.end === undefined || (now?.end === old.end && isToSame);
      if (!isSame || !isEndSame)
        this.violation(`epochs: epoch ${old.n} has changed in the ${side}`);
    }
    this.#requireClosing(side, after);
  }

  /** A copy that is closing shows no epoch yet. */
  #requireClosing(side: Side, { epochs, closing }: ControlRow): void {
    const n = epochs.at(-1)?.n ?? 0;
    if (closing === true) return;
    const before = this.#shown[side] ?? n;
    this.#shown[side] = n;
    const closedForMs = this.closedForMs(side);
    if (n > before && closedForMs < LEASE_MS)
      this.violation(`closing: the ${side} passes to epoch ${n} ${closedForMs} ms after closing`);
  }

  #noteClosing(side: Side, { closing }: ControlRow): void {
    if (closing !== true) delete this.#closedAtMs[side];
    else this.#closedAtMs[side] ??= this.#world.scheduler.now();
  }

  #noteNewest(side: Side, row: ControlRow): void {
    const newest = row.epochs.at(-1);
    if (newest === undefined || newest.n <= (this.#newest?.n ?? 0) || row.closing) return;
    const before = row.epochs.at(-2);
    this.#newest = newest;
    this.openedAtMs.set(newest.n, this.#world.scheduler.now());
    const active = SIDE_OF[newest.region] ?? 'east';
    if (before === undefined) return;
    if (active !== side) this.violation(`epochs: the ${side} was told first of its other side`);
    this.#world.note(`opened ${active}, ${before.end}`);
    this.#isAfterLoss = before.end === 'lost';
    if (before.end === 'drained') this.#requireEqual('open');
    if (before.end === 'drained' && isUndecided(this.#world))
      this.violation(`decided: the ${active} is opened over stranded writes`);
    this.#world.applications.opened(active);
  }

  /** Both tables have the same items, but for what excuses them. */
  #requireEqual(when: 'open' | 'end'): void {
    const { db, regions } = this.#world;
    const [east, west] = [db.contents(regions.east.table), db.contents(regions.west.table)];
    for (const key of new Set([...east.keys(), ...west.keys()])) {
      if (isMarker(key) || this.#isStray(key)) continue;
      if (when === 'open' && this.#isAccepted(key, when)) continue;
      const [one, other] = [contentOf(east.get(key)), contentOf(west.get(key))];
      if (one !== other)
        this.violation(`${when}: ${key} is ${one} in the east, ${other} in the west`);
    }
  }

  #isStray(key: string): boolean {
    const { regions } = this.#world;
    const isStray = SIDES.some((side) => {
      const origin = this.#last.get(`${regions[side].table} ${key}`);
      return origin?.kind === 'application' && origin.isStray;
    });
    if (isStray) this.#world.note('a stray excuses a difference');
    return isStray;
  }

  /** An accepted letter excuses its own record, and no newer one; after its switch, the item is repaired. */
  #isAccepted(key: string, when: 'open' | 'end'): boolean {
    const ended = (this.#newest?.n ?? 0) - 1;
    const isIt = (sequenceNumber: string) => {
      const epoch = this.#accepted.get(sequenceNumber);
      return epoch !== undefined && (when === 'end' || epoch === ended);
    };
    return SIDES.some((side) => {
      const last = this.#applicationWrites(side).findLast((one) => one.key === key);
      return last?.entries.some((one) => isIt(one.sequenceNumber)) ?? false;
    });
  }

  onTable({ key, before, after }: Change, region: Region, origin: Origin): void {
    if (before === undefined && after === undefined) return;
    this.#last.set(`${region.table} ${key}`, origin);
    const version = versionOf(after);
    if (origin.kind !== 'application' && version !== '')
      this.#arrived.add(`${region.side} ${version}`);
    if (origin.kind === 'application' && origin.isReplay === true)
      this.#requireOlder(key, region, before);
    if (origin.kind === 'application' || region.side !== this.activeSide()) return;
    if (origin.kind === 'operator' && isMarker(key)) return;
    const { name } = origin.sent.process.facts;
    this.violation(`active: ${name} changes ${key} in the ${region.side}, which is active`);
  }

  /** A replay puts nothing in the place of an item that applications have written since. */
  #requireOlder(key: string, region: Region, before: Item | undefined): void {
    const fromMs = this.openedAtMs.get(this.#newest?.n ?? 0) ?? 0;
    const isNewer = (one: RegionWrite) =>
      one.key === key &&
      isApplied(one) &&
      one.realAtMs > fromMs &&
      before !== undefined &&
      contentOf(one.image) === contentOf(before);
    if (region.side !== this.activeSide())
      this.violation(`replay: ${key} in the ${region.side}, which is not active`);
    if (region.writes.some(isNewer))
      this.violation(`replay: ${key} was written after the ${region.side} was opened`);
  }

  /** A process that writes has read both copies not long ago, and both showed that it may. */
  writes({ facts: { name } }: Process, side: Side, { seen }: Witness): void {
    const fromMs = this.#world.scheduler.now() - LEASE_MS - LEASE_TOLERANCE_MS;
    const [east = [], west = []] = SIDES.map((one) =>
      (seen.get(one) ?? []).filter(({ sentAtMs }) => sentAtMs >= fromMs),
    );
    const problems = east.flatMap((one) => west.map((other) => obstacleIn(one, other, side)));
    if (problems.includes(undefined)) return;
    const why = problems[0] ?? 'it has not looked at both copies in time';
    this.violation(`lease: ${name} writes in the ${side}: ${why}`);
  }

  /** What an invocation says of records. Of a batch of several, it says how many were taken for what. */
  invocation(entries: readonly StreamEntry[], summary: BatchSummary, name: string): void {
    const { own, stray } = countsOf(summary);
    const origins = entries.map(originOf);
    const strays = origins.filter((one) => one.kind === 'application' && one.isStray).length;
    const others = origins.filter((one) => one.kind !== 'application').length;
    if (stray > strays)
      this.violation(`stray: ${name} takes ${stray} of ${strays} records for strays`);
    if (own + stray > strays + others)
      this.violation(`own: ${name} takes records of applications for Ferry's`);
    const [entry] = entries;
    if (entries.length === 1 && entry !== undefined && summary.batchItemFailures.length === 0)
      this.#judgeOne(entry, summary, name);
  }

  #judgeOne(entry: StreamEntry, summary: BatchSummary, name: string): void {
    const origin = originOf(entry);
    const now = judgedAs(summary);
    if (now === undefined) return;
    const before = this.#judged.get(entry);
    this.#judged.set(entry, now);
    if (now === 'stranded' && !strandedIn(this.#world).covers(entry.write as RegionWrite))
      this.violation(`kept: ${name} acknowledges a record of a lost side that is not kept`);
    this.#world.note(`judged as ${now}`);
    const isSame =
      before === undefined ||
      before === now ||
      (before === 'application' && (now === 'ended' || now === 'stranded')) ||
      (before === 'stray' && now === 'own' && isBlind(entry));
    if (!isSame) this.violation(`judged: ${name} judges a record as ${now} that was ${before}`);
    const isLegal =
      origin.kind !== 'application'
        ? now === 'own'
        : origin.isStray || (now !== 'own' && now !== 'stray');
    if (!isLegal)
      this.violation(`judged: ${name} takes a record of ${origin.kind} for one of ${now}`);
    if (origin.kind === 'application' && origin.isStray && now === 'own' && !isBlind(entry))
      this.violation(`stray: ${name} does not see the stray write ${origin.number}`);
  }

  /** At the end, when nothing is under way any more. */
  finish(): void {
    this.#requireEqual('end');
    this.#requireKept();
    for (const key of this.#keys()) this.#requireContent(key);
  }

  /** What a lost side had last of each item has arrived, or is kept. */
  #requireKept(): void {
    const stranded = strandedIn(this.#world);
    this.#world.tell(() => `kept: ${stranded.describe()}`);
    const { epochs = [] } = this.rows[this.activeSide()] ?? {};
    for (const { region, end } of epochs) {
      const side = SIDE_OF[region] ?? 'east';
      if (end !== 'lost') continue;
      const writes = this.#applicationWrites(side).filter((one) => !isStrayWrite(one));
      for (const key of new Set(writes.map((one) => one.key))) {
        const last = writes.findLast((one) => one.key === key);
        if (last === undefined || last.image === undefined || stranded.covers(last)) continue;
        if (!this.#hasArrived(last))
          this.violation(
            `kept: ${contentOf(last.image)} of the ${side} has neither arrived nor been kept`,
          );
      }
    }
  }

  /** Of a side that was lost, and never seen on the other one. */
  #isLost(write: RegionWrite): boolean {
    const { epochs = [] } = this.rows[this.activeSide()] ?? {};
    return epochs.some(
      ({ region, end }) =>
        end === 'lost' &&
        this.#world.regions[SIDE_OF[region] ?? 'east'].writes.includes(write) &&
        !this.#hasArrived(write),
    );
  }

  /**
   * In whatever epoch: the side may have been active before. Numbers of the two streams are far apart. A copy of the item
   * that was read after its record has the version of the record, and a tilde.
   */
  #hasArrived({ entries }: RegionWrite): boolean {
    const [entry] = entries;
    const number = (entry?.sequenceNumber ?? '').padStart(40, '0');
    return [...this.#arrived].some((version) => version.replace(/~+$/, '').endsWith(`.${number}`));
  }

  #keys(): Set<string> {
    return new Set(SIDES.flatMap((side) => this.#applicationWrites(side).map(({ key }) => key)));
  }

  #applicationWrites(side: Side): RegionWrite[] {
    return this.#world.regions[side].writes.filter(({ origin }) => origin.kind === 'application');
  }

  /** The item is as the last write left it that nothing excuses. */
  #requireContent(key: string): void {
    if (this.#isStray(key) || this.#isAccepted(key, 'end')) return;
    const writes = SIDES.flatMap((side) => this.#applicationWrites(side))
      .filter((one) => one.key === key)
      .toSorted((a, b) => realTimeOf(a) - realTimeOf(b));
    const stranded = strandedIn(this.#world);
    const side = this.activeSide();
    const found = contentOf(this.#world.db.get(this.#world.regions[side].table, key));
    const allowed: string[] = [];
    // What a lost side had last is looked for elsewhere; what came before it is of no interest any more.
    const mayMiss = (one: RegionWrite) =>
      !isReplay(one) && (isStrayWrite(one) || stranded.covers(one) || this.#isLost(one));
    for (const write of writes.toReversed()) {
      allowed.push(contentOf(write.image));
      if (!mayMiss(write)) break;
    }
    if (writes.every(mayMiss)) allowed.push('nothing');
    if (!allowed.includes(found))
      this.violation(`lost: ${key} is ${found}, and must be ${allowed.join(' or ')}`);
  }
}

/** Why two sights of the copies are no lease. */
function obstacleIn(one: Sight, other: Sight, side: Side): string | undefined {
  const rows = [one, other].flatMap(({ item }) => {
    const found = parseControlRow(item);
    return found.kind === 'row' ? [found.row] : [];
  });
  const newest = rows.map(({ epochs }) => epochs.at(-1));
  const [row] = rows;
  if (row === undefined) return 'it knows no copy';
  if (rows.some(({ closing }) => closing === true)) return 'a copy is closing';
  if (newest.some((epoch) => epoch?.n !== newest[0]?.n)) return 'the copies are apart';
  if (SIDE_OF[newest[0]?.region ?? ''] === side) return 'the side is active';
  return rows.length === 1 && row.epochs.length > 1 ? 'a copy is missing' : undefined;
}

function realTimeOf({ realAtMs }: RegionWrite): number {
  return realAtMs;
}

function isStrayWrite({ origin }: RegionWrite): boolean {
  return origin.kind === 'application' && origin.isStray;
}

function isReplay({ origin }: RegionWrite): boolean {
  return origin.kind === 'application' && origin.isReplay === true;
}

/** By an application, of its own accord. */
function isApplied(write: RegionWrite): boolean {
  return write.origin.kind === 'application' && !isReplay(write);
}

function originOf({ write }: StreamEntry): Origin {
  return (write as RegionWrite).origin;
}

function isMarker(key: string): boolean {
  return key.startsWith('ferry-marker-');
}

/** An item without versions; which write it is of. */
function contentOf(item: Item | undefined): string {
  if (item === undefined) return 'nothing';
  const { _ferry: _, ...rest } = item;
  return JSON.stringify(Object.entries(rest).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Strays that Ferry cannot tell from its own writes: a copy of a later state than what is there, and a delete. */
function isBlind({ write: { kind, before, image } }: StreamEntry): boolean {
  return kind === 'delete' || versionOf(image) > versionOf(before);
}

function versionOf(item: Item | undefined): string {
  return item?.['_ferry']?.M?.['v']?.S ?? '';
}

function countsOf({ counts }: BatchSummary): { own: number; stray: number } {
  const { own = 0, stray = 0 } = counts as Partial<Record<string, number>>;
  return { own, stray };
}

/** Of a batch of one. */
function judgedAs({ counts, superseded }: BatchSummary): JudgedAs | undefined {
  const of = counts as Partial<Record<string, number>>;
  const ended = (superseded as Partial<Record<string, number>>)['ended'] ?? 0;
  if (ended > 0) return 'ended';
  for (const name of ['own', 'stray', 'stranded'] as const) if ((of[name] ?? 0) > 0) return name;
  if ((of['skipped'] ?? 0) > 0 || (of['unfinished'] ?? 0) > 0) return undefined;
  return 'application';
}

function describe(side: Side, { revision, epochs, closing, switch: held }: ControlRow): string {
  const list = epochs.map(({ n, region, end }) => `${n} ${SIDE_OF[region]}${end ? ` ${end}` : ''}`);
  const state = [...(closing ? ['closing'] : []), ...(held ? [`${held.step} by ${held.id}`] : [])];
  return `copy in the ${side}, revision ${revision}: ${[list.join(', '), ...state].join('; ')}`;
}
