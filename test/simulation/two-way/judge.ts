// What must hold in a world whose two tables are both written, written from the description of the protocol: checked
// with every request and every change.

import type { BatchSummary } from '../../../src/model/batch-response.ts';
import { epochIn, type Version } from '../../../src/model/guard.ts';
import type { WriteRequest } from '../../../src/model/write-request.ts';
import type { Change, Item } from '../memory-dynamodb.ts';
import type { Process, Sent } from '../process.ts';
import type { StreamEntry } from '../stream.ts';
import type { Side } from '../switching/plan.ts';
import { ItemHistory } from './history.ts';
import { endProblems, mergeProblems, redeliveryProblems } from './judge-end.ts';
import { loserProblems } from './judge-losers.ts';
import { requestProblems } from './judge-requests.ts';
import type { Way } from './mutant.ts';
import type { Origin, Region, RegionWrite } from './region.ts';
import { mustBeStray } from './strays.ts';
import { otherSide, type TwoWayWorld } from './world.ts';

const RESERVED = '_ferry';
/** Of both directions. */
export const BEATS: ReadonlySet<string> = new Set(['beat', 'beat-back']);
/** Changes of Ferry's for each of an application's: the push, its return as a late one, its removal and its restoration. */
const CHANGES_PER_ACT = 4;

export function versionOf(item: Item | undefined): Version | undefined {
  return item?.[RESERVED]?.M?.['v']?.S;
}

export function contentOf(item: Item | undefined): string | undefined {
  return item?.['w']?.S;
}

export class TwoWayJudge {
  readonly violations: string[] = [];
  readonly items = new Map<string, ItemHistory>();
  /** Records that have been final in some answer. */
  readonly final = new Set<StreamEntry>();
  conflicts = 0;
  readonly #delivered = new Set<StreamEntry>();
  readonly #world: TwoWayWorld;
  readonly #ignored: ReadonlySet<string>;
  #deletes = 0;

  constructor(world: TwoWayWorld, ignored: ReadonlySet<string> = new Set()) {
    this.#world = world;
    this.#ignored = ignored;
  }

  violation(text: string): void {
    if (this.#ignored.has(text.split(':')[0] ?? '')) return;
    this.#world.tell(() => `VIOLATION ${text}`);
    this.violations.push(text);
  }

  item(key: string): ItemHistory {
    const known = this.items.get(key) ?? new ItemHistory(key);
    this.items.set(key, known);
    return known;
  }

  /** Every request of a function, before it is sent. */
  onRequest(request: WriteRequest, way: Way, process: Process): void {
    for (const text of requestProblems(request, { way, process, world: this.#world }))
      this.violation(text);
  }

  onTable(
    { key, before, after }: Change,
    region: Region,
    { origin, write }: { readonly origin: Origin; readonly write: RegionWrite | undefined },
  ): void {
    const { side } = region;
    if (write === undefined) return;
    this.#world.tell(
      () => `record ${write.number} of the ${side}: ${origin.kind}, ${describe(write)}`,
    );
    if (BEATS.has(key)) return;
    const item = this.item(key);
    this.#noteAct(item, { side, origin, before, after });
    if (origin.kind === 'ferry') this.#ferryHasChanged(item);
    if (origin.kind === 'operator' && after !== undefined) this.#noteCopy(item, side, after);
    const request = origin.kind === 'ferry' ? origin.sent.intent : mergeOf(origin);
    if (request !== undefined) noteArrival(item, side, { request, after });
    if (this.#world.plan.mode === 'stamped')
      this.#requireOrder(item, side, { origin, before, after });
  }

  #noteAct(
    item: ItemHistory,
    { side, origin, before, after }: Moved & { readonly origin: Origin; readonly side: Side },
  ): void {
    if (origin.kind !== 'application' && origin.kind !== 'ttl') return;
    const atMs = this.#world.scheduler.now();
    const common = { side, atMs, stampedAtMs: atMs };
    if (after === undefined) {
      const kind = origin.kind === 'ttl' ? ('expire' as const) : ('delete' as const);
      if (kind === 'expire' && this.#world.plan.settings.ttlDeletes === 'skip')
        item.hasSkipped = true;
      const id = `${kind} ${(this.#deletes += 1)}`;
      item.add({ ...common, id, kind, isStamped: false, expires: false });
      return;
    }
    if (origin.kind === 'ttl') return;
    const { write } = origin;
    item.hasUnstamped ||= !write.isStamped;
    item.add({
      ...common,
      id: contentOf(after) ?? '',
      kind: 'put',
      isStamped: write.isStamped,
      stampedAtMs: write.stampedAtMs,
      expires: write.planned.ttlMs !== undefined,
      version: versionOf(after),
    });
    if (before !== undefined && contentOf(before) === contentOf(after))
      this.#world.note('same put');
  }

  #ferryHasChanged(item: ItemHistory): void {
    item.ferryChanges += 1;
    const bound = CHANGES_PER_ACT * item.acts.size + 2 * item.redeliveries;
    if (item.ferryChanges > bound)
      this.violation(`bound: ${item.ferryChanges} changes of ${item.key} by Ferry`);
  }

  /** By a merge. */
  #noteCopy(item: ItemHistory, side: Side, after: Item): void {
    const { writes } = this.#world.regions[otherSide(side)];
    const isWaiting = ({ entries }: RegionWrite) => entries.some((one) => !this.final.has(one));
    const isAbove = ({ atMs, before }: RegionWrite) =>
      msOf(after) <= Math.max(Math.floor(atMs / 1000) * 1000, msOf(before));
    const isLate = (write: RegionWrite) =>
      write.key === item.key && write.kind === 'delete' && isWaiting(write) && isAbove(write);
    if (item.isCopiedEarly || !writes.some(isLate)) return;
    item.isCopiedEarly = true;
    this.#world.note('merge before a delete was handled');
  }

  /** Its letter goes by the rules once more. */
  redriven(key: string): void {
    if (!BEATS.has(key)) this.item(key).redeliveries += 1;
  }

  /** One writer for each version, and none below another but where its item was deleted. */
  #requireOrder(
    item: ItemHistory,
    side: Side,
    { origin, before, after }: Moved & { readonly origin: Origin },
  ): void {
    const [old, version] = [versionOf(before), versionOf(after)];
    const isPlain = origin.kind === 'application' && !origin.write.isStamped;
    if (version === undefined || isPlain) return;
    if (old !== undefined && version <= old)
      this.violation(`order: ${item.key} in the ${side} from ${old} to ${version}`);
    const content = textOf(after);
    const known = item.contents.get(version);
    if (known === undefined) {
      const isFar = origin.kind === 'ferry' && !isNear(origin.sent, side);
      if (isFar && !item.isStray)
        this.violation(`writer: no write has made ${version} of ${item.key}`);
      item.contents.set(version, content);
    } else if (origin.kind === 'application') {
      // A request that was sent again has found another item, or none.
      item.contents.set(version, content);
    } else if (known !== content && !mayDiffer(item, { origin, after }))
      this.violation(`writer: ${version} of ${item.key} has two contents, ${known} and ${content}`);
    if (version < item.highest[side]) item.falls.push({ side, version });
    else item.highest[side] = version;
  }

  /** A delete is remembered beside the table in which it was done: from then on, it is known by its version. */
  onLedger({ after, before, table }: Change, sent: Sent | undefined): void {
    const handled = after?.['p']?.S;
    const version = after?.['d']?.S;
    if (sent?.process === undefined || handled === undefined || handled === before?.['p']?.S)
      return;
    const side = table === 'ledger-east' ? 'east' : 'west';
    const sequence = handled.slice(19).replace(/^0+/, '');
    const write = this.#world.regions[side].writes.find(
      ({ entries }) => entries[0]?.sequenceNumber === sequence,
    );
    if (write === undefined || version === undefined) return;
    const item = this.item(write.key);
    if (version === before?.['d']?.S) return;
    // Of what has no version, it is not known which delete has removed it.
    const isLater = version.slice(0, 18) > (before?.['d']?.S ?? '').slice(0, 18);
    if (isOfFerry(write.origin) && versionOf(write.before) !== undefined && isLater)
      this.violation(`own: a delete of Ferry's of ${write.key} was taken for an application's`);
    // What it had seen: everything that was there before.
    const act = item
      .inOrder()
      .find((one) => one.kind !== 'put' && one.side === side && one.atMs === write.atMs);
    if (act !== undefined) item.deletes.set(version, new Set([...act.seen, act.id]));
  }

  begins(entries: readonly StreamEntry[], source: Side): void {
    for (const entry of entries) {
      const { write, sequenceNumber } = entry;
      if (BEATS.has(write.key)) continue;
      if (this.#delivered.has(entry)) this.item(write.key).redeliveries += 1;
      this.#delivered.add(entry);
      if (write.kind !== 'delete') continue;
      const handled = this.#world.row(source, write.key)?.['p']?.S;
      if (handled !== undefined && handled.slice(19) >= sequenceNumber.padStart(40, '0'))
        this.#world.note('delete handled before');
    }
  }

  invocation(entries: readonly StreamEntry[], summary: BatchSummary, process: Process): void {
    const failed = summary.batchItemFailures[0]?.itemIdentifier;
    const at = entries.findIndex(({ sequenceNumber }) => sequenceNumber === failed);
    const done = at < 0 ? entries : entries.slice(0, at);
    if (failed !== undefined && at < 0) this.violation('answer: names a record of another batch');
    this.conflicts += summary.twoWay.conflicts;
    for (const name of ['conflicts', 'revenants', 'futureStamps'] as const)
      if (summary.twoWay[name] > 0) this.#world.note(name);
    if (summary.counts.stray > 0) this.#world.note('stray');
    const strays = done.map((entry) =>
      mustBeStray(entry.write as RegionWrite, process, this.#world),
    );
    const least = strays.filter((one) => one === true).length;
    const most = strays.filter((one) => one !== false).length;
    const { stray } = summary.counts;
    if (stray < least || stray > most)
      this.violation(
        `stray: ${process.facts.name} tells ${stray} of ${least} to ${most} in ${done.map(({ write }) => `${write.number} of ${write.key}`).join(', ')}`,
      );
    for (const [index, entry] of done.entries()) {
      if (strays[index] !== false && !this.final.has(entry))
        this.item(entry.write.key).isStray = true;
      this.final.add(entry);
    }
  }

  /** Its record is delivered no more. */
  lost(entry: StreamEntry): void {
    if (this.final.has(entry) || BEATS.has(entry.write.key)) return;
    const item = this.item(entry.write.key);
    item.isLost = true;
    item.isLostAgain = true;
  }

  /** Everything has been handled. */
  quiet(): void {
    for (const text of endProblems(this.#world)) this.violation(text);
    for (const text of loserProblems(this.#world)) this.violation(text);
  }

  /** Strays and lost records have an end as well. */
  merged(): void {
    for (const text of mergeProblems(this.#world)) this.violation(text);
  }

  /** And once more, from the oldest record on. */
  redelivered(before: ReadonlyMap<string, string>): void {
    for (const text of endProblems(this.#world)) this.violation(`redelivered ${text}`);
    for (const text of redeliveryProblems(this.#world, before)) this.violation(text);
  }
}

interface Moved {
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

function isOfFerry({ kind }: Origin): boolean {
  return kind === 'ferry' || kind === 'operator';
}

/** A merge may copy what an application without a stamp has changed, before its record tells that it is a stray. */
function mayDiffer(
  item: ItemHistory,
  { origin, after }: { readonly origin: Origin; readonly after: Item | undefined },
): boolean {
  const isStray = item.isStray || (origin.kind === 'operator' && item.hasUnstamped);
  return isStray || isRepeated(item, after);
}

/** Its request was sent again, and may have found another item. */
function isRepeated(item: ItemHistory, after: Item | undefined): boolean {
  return (item.acts.get(contentOf(after) ?? '')?.count ?? 0) > 1;
}

function textOf(item: Item | undefined): string {
  const { [RESERVED]: _, ...content } = item ?? {};
  return JSON.stringify(Object.entries(content).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function describe({ key, image, before }: RegionWrite): string {
  const short = (item: Item | undefined) =>
    item === undefined ? 'nothing' : `${contentOf(item)} at ${shortVersion(versionOf(item))}`;
  return `${key}: ${short(before)} -> ${short(image)}`;
}

export function shortVersion(version: Version | undefined): string {
  if (version === undefined) return 'no version';
  return `${epochIn(version)}.${version.slice(10, 18)}.${version.slice(19, 25)}`;
}

/** Whether a function has written to the side of its stream. */
function isNear({ process }: Sent, side: Side): boolean {
  return (process.facts.settings.replication === 'orders') === (side === 'east');
}

/** The clock of a version, in epoch milliseconds. */
function msOf(item: Item | undefined): number {
  return Number(versionOf(item)?.slice(5, 18) ?? 0);
}

function mergeOf(origin: Origin): WriteRequest | undefined {
  return origin.kind === 'operator' ? origin.request : undefined;
}

interface Arrival {
  readonly request: WriteRequest;
  readonly after: Item | undefined;
}

/** What is written there later has seen it. */
function noteArrival(item: ItemHistory, side: Side, { request, after }: Arrival): void {
  if (after !== undefined) item.came(side, contentOf(after) ?? '');
  else item.deleteCame(side, deletedBy(request) ?? '');
}

/** The version of a delete. */
function deletedBy(request: WriteRequest): Version | undefined {
  if (request.operation === 'TransactWriteItems') {
    const tombstone = request.input.TransactItems?.find(({ Update }) => Update !== undefined);
    return tombstone?.Update?.ExpressionAttributeValues?.[':new']?.S;
  }
  if (request.operation !== 'DeleteItem') return undefined;
  const values = request.input.ExpressionAttributeValues;
  return (values?.[':v'] ?? values?.[':d'])?.S;
}
