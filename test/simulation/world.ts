// Everything outside Ferry's own code, put together for one plan: tables, stream, Lambda, queue, bucket,
// clocks; and the production code's contexts for its processes.

import type { HandlerSettings } from '../../src/handler-settings.ts';
import type { DestinationTable, TransactionWriter } from '../../src/ports.ts';
import { below } from '../../src/local/seeded-random.ts';
import { FailurePlaces } from './failure-places.ts';
import { Judge, TABLES } from './judge.ts';
import { MemoryDynamoDb } from './memory-dynamodb.ts';
import type { Mutation, Readers } from './mutant.ts';
import { Lambda } from './lambda.ts';
import { Network } from './network.ts';
import { SourceTable } from './source-table.ts';
import { DAY, type Plan, SECOND } from './plan.ts';
import { destinationPort, type PortParts, readerPort, transactionPort } from './ports.ts';
import { type Crash, Process, type ProcessKind } from './process.ts';
import { between, happens, hashOf, oneOf, randomOf } from './random.ts';
import { Scheduler } from './scheduler.ts';

export interface WorldOptions {
  readonly plan: Plan;
  readonly mutation?: Mutation | undefined;
  /** Kinds of violations that do not count. */
  readonly ignored?: ReadonlySet<string> | undefined;
  /** Takes what happens, for people, where it is wanted. */
  readonly story?: string[] | undefined;
}

const KEY_ATTRIBUTES = { [TABLES.source]: 'pk', [TABLES.twin]: 'pk', [TABLES.state]: 'id' };
/** DynamoDB removes expired rows within two days. */
const EXPIRY_LAG_MS_MAX = 2 * DAY;

export interface ProcessOptions {
  /** What it meets is decided by its name. */
  readonly name: string;
  readonly slowMs: number;
  readonly kind: ProcessKind;
  readonly deadlineMs?: number | undefined;
  readonly mayCrash: boolean;
}

export interface Ports extends Readers {
  readonly destination: DestinationTable;
  readonly transactions: TransactionWriter;
}

export class World {
  readonly plan: Plan;
  readonly mutation: Mutation;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly judge: Judge;
  readonly db: MemoryDynamoDb;
  readonly places: FailurePlaces;
  readonly coverage = new Map<string, number>();
  readonly source: SourceTable;
  readonly lambda: Lambda;
  readonly #story: string[] | undefined;

  constructor({ plan, mutation = {}, ignored, story }: WorldOptions) {
    this.plan = plan;
    this.mutation = mutation;
    this.#story = story;
    this.scheduler = new Scheduler(plan.startMs);
    const note = (situation: string) => this.note(situation);
    const tell = (line: () => string) => this.tell(line);
    this.network = new Network({ scheduler: this.scheduler, plan, note, tell });
    this.judge = new Judge({ now: () => this.scheduler.now(), note, tell }, ignored);
    this.db = this.#newDb();
    this.places = new FailurePlaces(this.network, {
      posted: (body) => this.source.letterPosted(body),
      expired: (body) => this.source.letterExpired(body),
    });
    this.lambda = new Lambda(this);
    this.source = new SourceTable(this);
  }

  note(situation: string): void {
    this.coverage.set(situation, (this.coverage.get(situation) ?? 0) + 1);
  }

  tell(line: () => string): void {
    const { plan, scheduler } = this;
    const seconds = ((scheduler.now() - plan.startMs) / SECOND).toFixed(3);
    this.#story?.push(`${seconds.padStart(12)} s  ${line()}`);
  }

  settings(): HandlerSettings {
    const { concurrency, ttlDeletes } = this.plan.settings;
    return {
      replication: 'orders',
      sourceRegion: 'us-east-1',
      destinationRegion: 'eu-west-1',
      destinationTable: TABLES.twin,
      stateTable: TABLES.state,
      deadLetterQueueUrl: 'http://127.0.0.1:1/queue',
      onFailureBucket: 'failures',
      reservedAttribute: '_ferry',
      unversionedItems: 'replace',
      ttlDeletes,
      concurrency,
      tombstones: 'checked',
      systemicRejections: 'hold',
      lookAgainQueueUrl: 'http://127.0.0.1:9/look-again',
      lookAgainSeconds: 125,
      httpClient: 'sdk',
    };
  }

  tamper(key: string, how: 'delete' | 'replace'): void {
    this.tell(() => `somebody writes to ${key} on the twin: ${how}`);
    const Item = { pk: { S: key }, foreign: { BOOL: true } };
    const TableName = TABLES.twin;
    if (how === 'replace')
      this.db.execute({ operation: 'PutItem', input: { TableName, Item } }, undefined);
    else {
      const Key = { pk: { S: key } };
      this.db.execute({ operation: 'DeleteItem', input: { TableName, Key } }, undefined);
    }
    this.judge.tampered(key);
    this.note('tampered with');
  }

  process({ name, kind, slowMs, deadlineMs, mayCrash }: ProcessOptions): Process {
    const random = randomOf(this.plan.seed, name);
    const { skewMs, stepMs } = this.plan.settings;
    const { startMs, calmAtMs } = this.plan;
    const step = { atMs: between(random, startMs, calmAtMs), byMs: stepMs };
    const crashes = mayCrash && happens(random, this.network.rates().crash);
    const crash: Crash | undefined = crashes
      ? { atRequest: below(random, 8), stage: oneOf(random, ['before', 'sent', 'after', 'hangs']) }
      : undefined;
    const skew = between(random, -1, 1) * skewMs;
    if (Math.abs(skew) > 10 * SECOND) this.note('clock is off');
    const facts = { name, kind, random, skewMs: skew, slowMs, step, crash, deadlineMs };
    return new Process(facts, this.scheduler);
  }

  /** What a command has; an invocation has the destination alone. */
  ports(process: Process): Ports {
    const { mutation } = this;
    const transactions = transactionPort(this.#partsOf(process));
    const readers = this.#readers(process);
    return {
      destination: this.destination(process),
      transactions: mutation.transactions?.(transactions) ?? transactions,
      ...(mutation.readers?.(readers, process) ?? readers),
    };
  }

  destination(process: Process): DestinationTable {
    const destination = destinationPort(this.#partsOf(process));
    return this.mutation.destination?.(destination, process) ?? destination;
  }

  #partsOf(process: Process): PortParts {
    const { network, db, mutation } = this;
    return { process, network, db, rewrite: mutation.rewrite ?? ((request) => request) };
  }

  clockOf(process: Process) {
    const clock = process.clock();
    return this.mutation.clock?.(clock, process) ?? clock;
  }

  #readers(process: Process): Readers {
    const { network, db } = this;
    const parts = { process, network, db };
    return {
      source: readerPort({
        ...parts,
        service: 'source',
        table: TABLES.source,
        keyAttribute: 'pk',
        onRead: (key) => {
          const place = this.judge.placeOf(key);
          return () => process.sourceReads.set(key, place);
        },
      }),
      twin: readerPort({
        ...parts,
        service: 'destination',
        table: TABLES.twin,
        keyAttribute: 'pk',
        onRead: (key) => {
          const differed = this.differs(key);
          return () => process.twinDiffered.set(key, differed);
        },
      }),
      stateTable: readerPort({
        ...parts,
        service: 'destination',
        table: TABLES.state,
        keyAttribute: 'id',
        onRead: () => () => undefined,
      }),
    };
  }

  /** Of every item that either table has or had. */
  keys(): string[] {
    const written = this.judge.writes().map(({ key }) => key);
    return [...new Set([...written, ...this.db.contents(TABLES.twin).keys()])];
  }

  /** Whether source and twin have different items now; versions are no difference. */
  differs(key: string): boolean {
    const source = this.db.get(TABLES.source, key);
    const { _ferry: _, ...twin } = this.db.get(TABLES.twin, key) ?? {};
    return JSON.stringify(source ?? {}) !== JSON.stringify(twin);
  }

  #newDb(): MemoryDynamoDb {
    const { scheduler, plan } = this;
    return new MemoryDynamoDb({
      keyAttributes: KEY_ATTRIBUTES,
      isExpired: (table, key, { expiresAt }) => {
        if (table !== TABLES.state || expiresAt?.N === undefined) return false;
        const lagMs = (hashOf(key) / 2 ** 32) * EXPIRY_LAG_MS_MAX;
        const isDue = Number(expiresAt.N) * 1000 + lagMs < scheduler.now();
        if (isDue) this.note('state row expired');
        return isDue;
      },
      isInvalid: (table, item) =>
        table === TABLES.twin && item['poison'] !== undefined && scheduler.now() < plan.fixedAtMs,
      onChange: (change, cause) => this.judge.onChange(change, cause),
    });
  }
}
