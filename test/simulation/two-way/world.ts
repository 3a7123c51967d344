// Two Regions whose tables are both written, with a ledger and a function each, their applications, and everything
// between them, for one plan.

import { controlKey, parseControlRow, putControlRow } from '../../../src/model/control-item.ts';
import { firstRow, nextEpoch } from '../../../src/model/control-row.ts';
import type { WriteRequest } from '../../../src/model/write-request.ts';
import { ledgerRowKey } from '../../../src/model/ledger-row.ts';
import type { Random } from '../../../src/ports.ts';
import { below } from '../../../src/local/seeded-random.ts';
import { type Keys, keysOf } from '../keys.ts';
import { type Change, type Item, MemoryDynamoDb, tableWith } from '../memory-dynamodb.ts';
import { Network, type Outage } from '../network.ts';
import { SECOND } from '../plan.ts';
import { Process, type ProcessFacts, type Sent } from '../process.ts';
import type { ProcessSettings } from '../projecting.ts';
import { between, happens, hashOf, oneOf, randomOf } from '../random.ts';
import { Scheduler } from '../scheduler.ts';
import type { Side } from '../switching/plan.ts';
import { TwoWayFunction } from './function.ts';
import { Hosts } from './hosts.ts';
import { TwoWayJudge } from './judge.ts';
import type { TwoWayMutation } from './mutant.ts';
import type { TwoWayPlan } from './plan.ts';
import { type AppWrite, type Origin, Region, type RegionWrite } from './region.ts';

/** How long the TTL of a table takes at most. */
const EXPIRY_MS = 30 * SECOND;

export const SIDES = ['east', 'west'] as const;

export const otherSide = (side: Side): Side => (side === 'east' ? 'west' : 'east');

export interface TwoWayWorldOptions {
  readonly plan: TwoWayPlan;
  readonly mutation?: TwoWayMutation | undefined;
  /** Kinds of violations. */
  readonly ignored?: ReadonlySet<string> | undefined;
  /** Takes what happens, for people, where it is wanted. */
  readonly story?: string[] | undefined;
}

export class TwoWayWorld {
  readonly plan: TwoWayPlan;
  readonly mutation: TwoWayMutation;
  readonly scheduler: Scheduler;
  readonly keys: Keys;
  readonly db: MemoryDynamoDb;
  readonly judge: TwoWayJudge;
  readonly regions: Readonly<Record<Side, Region>>;
  /** By the side of their sources. */
  readonly functions: Readonly<Record<Side, TwoWayFunction>>;
  readonly hosts: Hosts;
  readonly coverage = new Map<string, number>();
  /** Applications write nothing while homes move. */
  isFenced = false;
  readonly whenOpened: Array<() => void> = [];
  /** Since when homes are on the other side, epoch milliseconds. */
  movedMs: number | undefined;
  readonly #links = new Map<string, Network>();
  readonly #story: string[] | undefined;

  constructor({ plan, mutation = {}, ignored, story }: TwoWayWorldOptions) {
    this.plan = plan;
    this.mutation = mutation;
    this.#story = story;
    this.scheduler = new Scheduler(plan.startMs);
    this.keys = keysOf('S');
    this.judge = new TwoWayJudge(this, ignored);
    this.db = this.#newDb();
    this.regions = { east: new Region(this, 'east'), west: new Region(this, 'west') };
    this.functions = {
      east: new TwoWayFunction(this, 'east'),
      west: new TwoWayFunction(this, 'west'),
    };
    this.hosts = new Hosts(this);
    for (const side of SIDES) this.openEpoch(side, 1);
    for (const side of SIDES) this.regions[side].mapping = this.functions[side].newMapping();
  }

  note(situation: string): void {
    this.coverage.set(situation, (this.coverage.get(situation) ?? 0) + 1);
  }

  tell(line: () => string): void {
    if (this.#story === undefined) return;
    const seconds = ((this.scheduler.now() - this.plan.startMs) / SECOND).toFixed(3);
    this.#story.push(`${seconds.padStart(12)} s  ${line()}`);
  }

  isCalm(): boolean {
    return this.scheduler.now() >= this.plan.calmAtMs;
  }

  /** Of both tables, as they were made. */
  allWrites(): RegionWrite[] {
    return SIDES.flatMap((side) => this.regions[side].writes);
  }

  itemIn(side: Side, key: string): Item | undefined {
    return this.db.get(this.regions[side].table, key);
  }

  /** Of an item, in the ledger of a side. */
  row(side: Side, key: string): Item | undefined {
    const replication = side === 'west' ? 'orders' : 'orders-back';
    const id = ledgerRowKey({ replication }, this.keys.textOf(key))['id']?.S ?? '';
    return this.db.get(this.regions[side].ledger, id);
  }

  homeOf(key: string, atMs = Infinity): Side {
    const first: Side = key.startsWith('east#') ? 'east' : 'west';
    return this.movedMs === undefined || atMs < this.movedMs ? first : otherSide(first);
  }

  /** The heartbeat of each direction is written where its stream is. */
  beat(atMs: number): void {
    for (const side of SIDES) {
      const key = side === 'east' ? 'beat' : 'beat-back';
      const Item = { ...this.keys.keyOf(key), w: { S: String(atMs) } };
      const input = { TableName: this.regions[side].table, Item };
      this.db.execute({ operation: 'PutItem', input }, undefined);
    }
  }

  isQuiet(): boolean {
    return SIDES.every((side) => this.regions[side].isQuiet());
  }

  /** The way from a function, or from an operator, to a side. */
  link(from: Side | 'operator', to: Side): Network {
    const name = `${from} ${to}`;
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const { seed, startMs, settings, rates, calmAtMs } = this.plan;
    const nothing = { preExisting: [], writes: [], commands: [], fixedAtMs: calmAtMs };
    const disturbances = this.plan.disturbances.flatMap((one): Outage[] => {
      if (one.kind !== 'parted' || one.side !== from || from === to) return [];
      const { atMs, forMs } = one;
      return [{ kind: 'outage', how: 'unreachable', share: 1, atMs, forMs }];
    });
    const network = new Network({
      scheduler: this.scheduler,
      plan: { seed, startMs, settings, rates, calmAtMs, ...nothing, disturbances },
      note: (situation) => this.note(situation),
      tell: (line) => this.tell(line),
    });
    this.#links.set(name, network);
    return network;
  }

  process(options: {
    readonly name: string;
    readonly slowMs: number;
    readonly settings: ProcessSettings;
    readonly deadlineMs: number;
    readonly clock: Pick<ProcessFacts, 'skewMs' | 'step'>;
    readonly make: (facts: ProcessFacts) => Process;
  }): Process {
    const { make, clock, ...facts } = options;
    const random = randomOf(this.plan.seed, facts.name);
    const crash =
      !this.isCalm() && happens(random, this.plan.rates.crash)
        ? {
            atRequest: below(random, 8),
            stage: oneOf(random, ['before', 'sent', 'after', 'hangs'] as const),
          }
        : undefined;
    const { skewMs, step } = clock;
    return make({ ...facts, kind: 'handler', random, skewMs, step, crash });
  }

  /** How the clock of a sandbox goes wrong. */
  clockFacts(name: string): Pick<ProcessFacts, 'skewMs' | 'step'> {
    const random = randomOf(this.plan.seed, `clock of ${name}`);
    const { startMs, calmAtMs, settings } = this.plan;
    const atMs = between(random, startMs, Math.min(calmAtMs, startMs + 300 * SECOND));
    return { skewMs: between(random, -1, 1) * SECOND, step: { atMs, byMs: settings.stepMs } };
  }

  random(name: string): Random {
    return randomOf(this.plan.seed, name);
  }

  /** As `ferry adopt` opens it. */
  openEpoch(side: Side, n = 2): void {
    const { rules } = this.functions[side];
    const { table } = this.regions[otherSide(side)];
    const key = controlKey(rules)['id']?.S ?? '';
    const found = parseControlRow(this.db.get(rules.stateTable, key));
    const identity = {
      region: this.regions[side].name,
      streamArn: this.regions[side].stream.arn,
      reserved: rules.reservedAttribute,
      destinationId: this.db.tableId(table),
      ledgerId: this.db.tableId(rules.stateTable),
      tag: `adopted-${side}`,
      nowMs: Math.floor(this.scheduler.now()),
    };
    const row = found.kind === 'row' ? nextEpoch(found.row, identity) : firstRow(identity, n);
    this.db.execute(putControlRow(row, rules), undefined);
  }

  #newDb(): MemoryDynamoDb {
    const { scheduler, keys } = this;
    return new MemoryDynamoDb({
      tables: {
        'orders-east': keys,
        'orders-west': keys,
        'ledger-east': tableWith('id'),
        'ledger-west': tableWith('id'),
      },
      now: () => scheduler.now(),
      isExpired: () => false,
      isInvalid: (table, _, item) => this.#isRefused(table, item),
      onChange: (change, cause) => this.#onChange(change, cause),
    });
  }

  /** Always the same contents. */
  #isRefused(table: string, item: Item | undefined): boolean {
    const nowMs = this.scheduler.now();
    const content = item?.['w']?.S;
    return this.plan.poisons.some(
      ({ side, atMs, forMs, share }) =>
        content !== undefined &&
        table === this.regions[side].table &&
        nowMs >= atMs &&
        nowMs < atMs + forMs &&
        hashOf(`${this.plan.seed} ${side} ${content}`) % 100 < share * 100,
    );
  }

  #onChange(change: Change, cause: unknown): void {
    const region = SIDES.map((side) => this.regions[side]).find(
      (one) => one.table === change.table,
    );
    if (region === undefined) {
      this.judge.onLedger(change, cause as Sent | undefined);
      return;
    }
    const origin = originOf(cause);
    const write = region.record(change, origin);
    this.judge.onTable(change, region, { origin, write });
    if (change.after?.['expires'] !== undefined && this.plan.ttl[region.side])
      this.#expireLater(change.key, change.after, region);
  }

  /** What has expired is deleted within a while, unless something else is there. */
  #expireLater(key: string, { w, expires }: Item, { table, side }: Region): void {
    const random = randomOf(this.plan.seed, `expiry of ${w?.S} in ${side}`);
    const dueMs = Math.max(Number(expires?.N), this.scheduler.now());
    this.scheduler.at(dueMs + random.next() * EXPIRY_MS, () => {
      const found = this.db.get(table, key);
      if (found?.['w']?.S !== w?.S || found?.['expires'] === undefined) return;
      this.note('expired');
      this.tell(() => `${key} has expired in the ${side}`);
      const input = { TableName: table, Key: this.keys.keyOf(key) };
      this.db.execute({ operation: 'DeleteItem', input }, { ttl: true });
    });
  }
}

function originOf(cause: unknown): Origin {
  const one = cause as
    | { process?: unknown; ttl?: unknown; planned?: unknown; merge?: WriteRequest }
    | undefined;
  if (one?.merge !== undefined) return { kind: 'operator', request: one.merge };
  if (one?.process !== undefined) return { kind: 'ferry', sent: cause as Sent };
  if (one?.planned !== undefined) return { kind: 'application', write: cause as AppWrite };
  return { kind: one?.ttl === undefined ? 'heartbeat' : 'ttl' };
}
