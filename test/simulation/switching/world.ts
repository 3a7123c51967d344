// Two Regions with a table, a ledger and a function each, applications and operators, and everything between them, for
// one plan.

import type { Random } from '../../../src/ports.ts';
import type { ControlRow } from '../../../src/model/control-row.ts';
import type { WriteRequest } from '../../../src/model/write-request.ts';
import { firstRow } from '../../../src/model/control-row.ts';
import { putControlRow } from '../../../src/model/control-item.ts';
import { below } from '../../../src/local/seeded-random.ts';
import type { Keys } from '../keys.ts';
import { switchKeysOf } from './keys.ts';
import { type Change, MemoryDynamoDb, serviceError, tableWith } from '../memory-dynamodb.ts';
import { Network, type Outage } from '../network.ts';
import { SECOND } from '../plan.ts';
import { type Database, executedBy } from '../ports.ts';
import { Process, type ProcessFacts, type ProcessKind, type Sent } from '../process.ts';
import type { ProcessSettings } from '../projecting.ts';
import { between, happens, oneOf, randomOf } from '../random.ts';
import { Scheduler } from '../scheduler.ts';
import { Applications } from './applications.ts';
import { REPLAYS } from './deciding.ts';
import { DirectionFunction } from './function.ts';
import { SwitchJudge } from './judge.ts';
import type { SwitchMutation } from './mutant.ts';
import type { Side, SwitchPlan } from './plan.ts';
import { QuickNetwork } from './quick-network.ts';
import { type Origin, Region } from './region.ts';

/** Where a request comes from. */
export type Place = Side | 'operator';

export const SIDES = ['east', 'west'] as const;

export const otherSide = (side: Side): Side => (side === 'east' ? 'west' : 'east');

function touches({ operation, input }: WriteRequest, table: string): boolean {
  if (operation !== 'TransactWriteItems') return input.TableName === table;
  return (input.TransactItems ?? []).some(
    ({ Put, ConditionCheck, Delete, Update }) =>
      (Put ?? ConditionCheck ?? Delete ?? Update)?.TableName === table,
  );
}

export interface SwitchWorldOptions {
  readonly plan: SwitchPlan;
  readonly mutation?: SwitchMutation | undefined;
  readonly ignored?: ReadonlySet<string> | undefined;
  /** Takes what happens, for people, where it is wanted. */
  readonly story?: string[] | undefined;
}

export class SwitchWorld {
  readonly plan: SwitchPlan;
  readonly mutation: SwitchMutation;
  readonly scheduler: Scheduler;
  readonly keys: Keys;
  readonly db: MemoryDynamoDb;
  readonly judge: SwitchJudge;
  readonly regions: Readonly<Record<Side, Region>>;
  /** By the side of their sources. */
  readonly functions: Readonly<Record<Side, DirectionFunction>>;
  readonly applications: Applications;
  readonly coverage = new Map<string, number>();
  readonly #links = new Map<string, Network>();
  readonly #story: string[] | undefined;

  constructor({ plan, mutation = {}, ignored, story }: SwitchWorldOptions) {
    this.plan = plan;
    this.mutation = mutation;
    this.#story = story;
    this.scheduler = new Scheduler(plan.startMs);
    this.keys = switchKeysOf(plan.settings.keyShape);
    this.judge = new SwitchJudge(this, ignored);
    this.db = this.#newDb();
    this.regions = { east: new Region(this, 'east'), west: new Region(this, 'west') };
    this.functions = {
      east: new DirectionFunction(this, 'east'),
      west: new DirectionFunction(this, 'west'),
    };
    this.applications = new Applications(this);
    this.#writeCopies();
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

  regionOf(table: string): Region | undefined {
    return SIDES.map((side) => this.regions[side]).find((one) => one.table === table);
  }

  link(from: Place, to: Side): Network {
    const name = `${from} ${to}`;
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const note = (situation: string) => this.note(situation);
    const tell = (line: () => string) => this.tell(line);
    const { seed, startMs, settings, rates, calmAtMs } = this.plan;
    const nothing = { preExisting: [], writes: [], commands: [], fixedAtMs: calmAtMs };
    const disturbances = this.#outagesOf(from, to);
    const plan = { seed, startMs, settings, rates, calmAtMs, ...nothing, disturbances };
    const isQuick = from === 'operator' && this.plan.isQuick;
    const Way = isQuick ? QuickNetwork : Network;
    const network = new Way({ scheduler: this.scheduler, plan, note, tell });
    if (network instanceof QuickNetwork)
      network.isBroken = () =>
        this.isStruck('down', to) || (to === 'east' && this.isStruck('partition', to));
    this.#links.set(name, network);
    return network;
  }

  #outagesOf(from: Place, to: Side): Outage[] {
    return this.plan.disturbances.flatMap((one): Outage[] => {
      const isParted = one.kind === 'partition' && from !== to && [from, to].includes('east');
      const isDown = one.kind === 'down' && to === one.side;
      if (!isParted && !isDown) return [];
      const { atMs, forMs } = one;
      return [{ kind: 'outage', how: 'unreachable', share: 1, atMs, forMs }];
    });
  }

  isStruck(kind: 'unreadable' | 'refusing' | 'down' | 'partition', side: Side): boolean {
    const nowMs = this.scheduler.now();
    if (this.isCalm()) return false;
    return this.plan.disturbances.some(
      (one) =>
        one.kind === kind &&
        (one.kind === 'partition' || one.side === side) &&
        nowMs >= one.atMs &&
        nowMs < one.atMs + one.forMs,
    );
  }

  process(options: {
    readonly name: string;
    readonly kind: ProcessKind;
    readonly slowMs: number;
    readonly settings: ProcessSettings;
    readonly deadlineMs?: number;
    readonly mayCrash: boolean;
    readonly clock?: Pick<ProcessFacts, 'skewMs' | 'step'>;
    readonly make?: (facts: ProcessFacts) => Process;
  }): Process {
    const { name, kind, slowMs, deadlineMs, mayCrash, settings } = options;
    const random = randomOf(this.plan.seed, name);
    const crashes = mayCrash && !this.isCalm() && happens(random, this.plan.rates.crash);
    const crash = crashes
      ? {
          atRequest: below(random, 8),
          stage: oneOf(random, ['before', 'sent', 'after', 'hangs'] as const),
        }
      : undefined;
    const { skewMs, step } = options.clock ?? this.clockFacts(name);
    const facts = { name, kind, random, skewMs, slowMs, step, crash, deadlineMs, settings };
    return options.make?.(facts) ?? new Process(facts, this.scheduler);
  }

  /** How a clock goes wrong. */
  clockFacts(name: string): Pick<ProcessFacts, 'skewMs' | 'step'> {
    const random = randomOf(this.plan.seed, `clock of ${name}`);
    const { startMs, calmAtMs, settings } = this.plan;
    const skewMs = between(random, -1, 1) * Math.min(settings.skewMs, SECOND);
    const atMs = between(random, startMs, Math.min(calmAtMs, startMs + 300 * SECOND));
    return { skewMs, step: { atMs, byMs: settings.stepMs } };
  }

  random(name: string): Random {
    return randomOf(this.plan.seed, name);
  }

  /** The services, behind the policies of the tables. */
  services(process: Process, from: Place): Database {
    const { db } = this;
    const isInbound = process.facts.kind === 'handler' || process.facts.kind === 'look-again';
    if (!isInbound) return db;
    const target = this.regions[otherSide(from as Side)];
    const { random } = process.facts;
    return executedBy(db, (request, cause, cancelled) => {
      if (touches(request, target.table)) {
        const seenMs = this.scheduler.now() - random.next() * this.plan.fence.delayMs;
        if (target.policy.at(seenMs).inbound || this.isStruck('refusing', target.side)) {
          this.note('refused by the policy');
          throw serviceError('AccessDeniedException');
        }
      }
      return db.execute(request, cause, cancelled);
    });
  }

  #newDb(): MemoryDynamoDb {
    const { scheduler, plan, keys } = this;
    return new MemoryDynamoDb({
      tables: {
        'orders-east': keys,
        'orders-west': keys,
        'ledger-east': tableWith('id'),
        'ledger-west': tableWith('id'),
      },
      now: () => scheduler.now(),
      isExpired: () => false,
      isInvalid: (table, _, item) =>
        table.startsWith('orders') &&
        item?.['poison'] !== undefined &&
        scheduler.now() < plan.calmAtMs,
      onChange: (change, cause) => this.#onChange(change, cause as Sent | undefined),
    });
  }

  #onChange(change: Change, sent: Sent | undefined): void {
    const region = this.regionOf(change.table);
    const origin = this.#originOf(sent);
    if (region === undefined) this.judge.onLedger(change, sent);
    else {
      this.judge.onTable(change, region, origin);
      region.record(change, origin);
    }
  }

  #originOf(sent: Sent | undefined): Origin {
    if (sent === undefined) return this.applications.origin();
    const isReplay = sent.process.facts.name.startsWith(REPLAYS);
    if (isReplay) return { kind: 'application', isStray: false, number: 0, isReplay };
    return { kind: sent.process.facts.kind === 'operator' ? 'operator' : 'ferry', sent };
  }

  /** As `ferry adopt` leaves them, or as they were before the replication could be switched. */
  #writeCopies(): void {
    const { east, west } = this.regions;
    const { startMs, isCopyMissing } = this.plan;
    const identity = { region: east.name, streamArn: east.stream.arn, reserved: '_ferry' };
    const written = { ...identity, tag: 'adopted', nowMs: startMs - 60 * SECOND };
    const put = (row: ControlRow, side: Side, replication: string) => {
      const rules = { replication, stateTable: this.regions[side].ledger };
      this.db.execute(putControlRow(row, rules), undefined);
    };
    const ids = ({ table, ledger }: Region) => ({
      destinationId: this.db.tableId(table),
      ledgerId: this.db.tableId(ledger),
    });
    put(firstRow({ ...written, ...ids(west) }), 'west', 'orders');
    if (!isCopyMissing) put(firstRow({ ...written, ...ids(east) }), 'east', 'orders-back');
  }
}
