// Everything outside Ferry's own code, put together for one plan: tables, stream, Lambda, queue, bucket,
// clocks; and the production code's contexts for its processes.

import type {
  DeadLetterQueue,
  TwinReader,
  TwinWriter,
  LookAgainQueue,
  Random,
  ReadableTable,
  TransactionWriter,
} from '../../src/ports.ts';
import { arrivalRules } from '../../src/config/change-source.ts';
import type { ProjectionConfig } from '../../src/config/schema.ts';
import type { Projection } from '../../src/model/projection.ts';
import { exceptItem } from '../../src/projection/except-item.ts';
import { projectedTable } from '../../src/projection/projected-table.ts';
import { below } from '../../src/local/seeded-random.ts';
import { BulkRuns } from './bulk-runs.ts';
import { FailurePlaces } from './failure-places.ts';
import { Judge, TABLES } from './judge.ts';
import { type Keys, keysOf } from './keys.ts';
import { KINESIS_STREAM_ARN } from './kinesis-stream.ts';
import { LookAgain } from './look-again-queue.ts';
import { MemoryDynamoDb, tableWith } from './memory-dynamodb.ts';
import type { Mutation, Readers } from './mutant.ts';
import { Lambda } from './lambda.ts';
import { Network } from './network.ts';
import { HEARTBEAT_KEY, SourceTable } from './source-table.ts';
import { DAY, type Deployed, HOUR, type Plan, SECOND } from './plan.ts';
import {
  destinationPort,
  destinationReaderPort,
  type PortParts,
  readerPort,
  transactionPort,
} from './ports.ts';
import { compile, type ProcessSettings, SECRET, textOf, twinOf } from './projecting.ts';
import { type Crash, Process, type ProcessFacts, type ProcessKind } from './process.ts';
import { between, happens, hashOf, oneOf, randomOf } from './random.ts';
import { Scheduler } from './scheduler.ts';

export interface WorldOptions {
  readonly plan: Plan;
  readonly mutation?: Mutation | undefined;
  /** Kinds of violations that do not count. */
  readonly ignored?: ReadonlySet<string> | undefined;
  /** Takes what happens, for people, where it is wanted. */
  readonly story?: string[] | undefined;
  /** Of the hop before, where it is the second of a chain. */
  readonly before?: World | undefined;
}

/** Young, a request, late, clocks: what looking again waits for beyond the function's timeout. */
const LOOK_AGAIN_EXTRA_SECONDS = 65;
/** Of invocations; those of operators may be off by far more. */
const FUNCTION_SKEW_MS_MAX = 10 * SECOND;
const FUNCTION_STEP_MS_MAX = 8 * SECOND;
/** DynamoDB removes expired rows within two days. */
const EXPIRY_LAG_MS_MAX = 2 * DAY;

export interface ProcessOptions {
  /** What it meets is decided by its name. */
  readonly name: string;
  readonly slowMs: number;
  readonly kind: ProcessKind;
  readonly deadlineMs?: number | undefined;
  readonly mayCrash: boolean;
  /** Its clock, where others share it. */
  readonly clock?: Pick<ProcessFacts, 'skewMs' | 'step'> | undefined;
  readonly settings?: ProcessSettings | undefined;
}

export interface Ports extends Readers {
  readonly twinWriter: TwinWriter;
  readonly transactions: TransactionWriter;
  readonly reader: TwinReader;
  readonly lookAgain: LookAgainQueue;
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
  readonly lookAgain: LookAgain;
  readonly bulkRuns: BulkRuns;
  readonly keys: Keys;
  /** For what belongs to no process. */
  readonly random: Random;
  /** ARNs of the source's streams, oldest first. */
  readonly streams: string[] = [];
  deployed: Deployed;
  /** A table has been made anew, and everything must be copied. */
  isAnew = false;
  /** The rules of the projection have changed, and everything must be rewritten. */
  isReprojecting = false;
  /** Commands at work, and workers of bulk runs. */
  readonly commands = new Set<Process>();
  /** When the rules were changed. */
  #projectedSinceMs = -Infinity;
  /** Along a chain. */
  readonly before: World | undefined;
  next: World | undefined;
  readonly #refusedDeletes = new Set<string>();
  readonly #story: string[] | undefined;

  constructor({ plan, mutation = {}, ignored, story, before }: WorldOptions) {
    this.plan = plan;
    this.mutation = mutation;
    this.#story = story;
    this.keys = keysOf(plan.settings.keyShape);
    this.random = randomOf(plan.seed, 'world');
    this.deployed = plan.settings;
    this.before = before;
    this.scheduler = before?.scheduler ?? new Scheduler(plan.startMs);
    const note = (situation: string) => this.note(situation);
    const tell = (line: () => string) => this.tell(line);
    this.network = new Network({ scheduler: this.scheduler, plan, note, tell });
    const now = () => this.scheduler.now();
    const plannedFor = (key: string, settings: ProcessSettings) => this.plannedFor(key, settings);
    const isOutdated = (process: Process) => this.isOutdated(process);
    const memoryMs = (process?: Process) => this.#memoryMs(process);
    const host = { now, note, tell, keys: this.keys, memoryMs, plannedFor, isOutdated };
    this.judge = new Judge(host, ignored);
    this.db = this.#newDb();
    this.places = new FailurePlaces(this.network, {
      posted: (body, process) => this.source.letterPosted(body, process),
      expired: (body) => this.source.letterExpired(body),
      kept: (text) => this.#requireProjected(text),
    });
    this.lambda = new Lambda(this);
    this.lookAgain = new LookAgain(this);
    this.bulkRuns = new BulkRuns(this);
    this.source = new SourceTable(this);
    this.streams.push(this.source.stream.arn);
    if (before !== undefined) before.next = this;
  }

  /** What is stored or told does not hold what the projection drops. */
  #requireProjected(text: string): void {
    if (this.plan.settings.deadLetters === 'projected' && text.includes(SECRET))
      this.judge.violation('leak: a letter or a batch holds what the projection drops');
  }

  note(situation: string): void {
    this.coverage.set(situation, (this.coverage.get(situation) ?? 0) + 1);
  }

  tell(line: () => string): void {
    const { plan, scheduler } = this;
    const seconds = ((scheduler.now() - plan.startMs) / SECOND).toFixed(3);
    const hop = this.before === undefined ? '' : 'second hop: ';
    this.#story?.push(`${seconds.padStart(12)} s  ${hop}${line()}`);
  }

  settings(): ProcessSettings {
    const settings = this.#plainSettings();
    return this.mutation.settings?.(settings) ?? settings;
  }

  #plainSettings(): ProcessSettings {
    const { concurrency, timeoutMs, unversionedItems, hasHeartbeat } = this.plan.settings;
    const { projection: planned } = this.deployed;
    return {
      replication: 'orders',
      sourceRegion: 'us-east-1',
      streamArn: this.source.stream.arn,
      destinationRegion: 'eu-west-1',
      destinationTable: TABLES.twin,
      stateTable: TABLES.state,
      deadLetterQueueUrl: 'http://127.0.0.1:1/queue',
      onFailureBucket: 'failures',
      reservedAttribute: this.deployed.reservedAttribute ?? '_ferry',
      unversionedItems,
      ttlDeletes: this.deployed.ttlDeletes,
      concurrency,
      tombstones: this.deployed.tombstones,
      ...this.#arrival(),
      systemicRejections: 'hold',
      deadLetters: this.plan.settings.deadLetters ?? 'whole',
      lookAgainQueueUrl: 'http://127.0.0.1:9/look-again',
      lookAgainSeconds: timeoutMs / SECOND + LOOK_AGAIN_EXTRA_SECONDS,
      heartbeatKeyText: hasHeartbeat ? this.keys.textOf(HEARTBEAT_KEY) : undefined,
      httpClient: 'sdk',
      ...(planned && { projection: this.#compiled(planned), planned }),
    };
  }

  #arrival(): Pick<ProcessSettings, 'arrival' | 'tombstoneLifeSeconds'> {
    const { kinesis } = this.plan.settings;
    const kinesisRetentionHours = (kinesis?.retentionMs ?? 0) / HOUR;
    const source = { region: 'us-east-1', table: 'Orders', create: false };
    return arrivalRules(
      this.source.isKinesis
        ? { ...source, kinesisStreamArn: KINESIS_STREAM_ARN, kinesisRetentionHours }
        : source,
    );
  }

  /** Of what is remembered: 15 days, or a day more than a Kinesis stream keeps its records. */
  #memoryMs(process: Process | undefined): number {
    const { kinesis } = this.plan.settings;
    const arn = process?.facts.settings.streamArn ?? this.source.stream.arn;
    const isKinesis = kinesis !== undefined && arn.startsWith(KINESIS_STREAM_ARN);
    return Math.max(15 * DAY, isKinesis ? kinesis.retentionMs + DAY : 0);
  }

  /** The heartbeat's item is exempt. */
  #compiled(planned: ProjectionConfig): Projection {
    const projection = compile(planned);
    const { hasHeartbeat } = this.plan.settings;
    return hasHeartbeat ? exceptItem(projection, this.keys.keyOf(HEARTBEAT_KEY)) : projection;
  }

  /** Of an item, under the rules that are deployed now. */
  plannedFor(key: string, { planned }: Pick<ProcessSettings, 'planned'>) {
    return this.plan.settings.hasHeartbeat && key === HEARTBEAT_KEY ? undefined : planned;
  }

  /** What the twin must have now. */
  expected(
    key: string,
    settings: Pick<ProcessSettings, 'planned'> = { planned: this.deployed.projection },
  ) {
    const source = this.db.get(TABLES.source, key);
    return source && twinOf(source, this.plannedFor(key, settings));
  }

  /** The twin will not delete the item, until its cause has been removed. */
  refuseDeletes(key: string): void {
    this.#refusedDeletes.add(key);
  }

  deploy(change: Partial<Deployed>): void {
    this.tell(() => `deployed: ${JSON.stringify(change)}`);
    this.note('settings changed under way');
    this.deployed = { ...this.deployed, ...change };
    this.lambda.deploy();
  }

  deployProjection(change: Partial<Deployed>): void {
    this.isReprojecting = true;
    this.#projectedSinceMs = this.scheduler.now();
    this.deploy(change);
    this.bulkRuns.stop();
    for (const process of this.commands) process.kill();
    this.commands.clear();
  }

  get hasProjectedAnew(): boolean {
    return this.#projectedSinceMs > -Infinity;
  }

  /** Until nothing of a function with the rules before can land any more. */
  outdatedInMs(): number {
    const untilMs = this.#projectedSinceMs + this.plan.settings.timeoutMs + 15 * SECOND;
    return Math.max(0, untilMs - this.scheduler.now());
  }

  /** Whether a process has rules that are not in force, when nothing of it should land any more. */
  isOutdated({ facts: { settings } }: Process): boolean {
    return this.outdatedInMs() === 0 && settings.planned !== this.deployed.projection;
  }

  tamper(key: string, how: 'delete' | 'replace'): void {
    this.tell(() => `somebody writes to ${key} on the twin: ${how}`);
    const Item = { ...this.keys.keyOf(key), foreign: { BOOL: true } };
    const TableName = TABLES.twin;
    if (how === 'replace')
      this.db.execute({ operation: 'PutItem', input: { TableName, Item } }, undefined);
    else {
      const Key = this.keys.keyOf(key);
      this.db.execute({ operation: 'DeleteItem', input: { TableName, Key } }, undefined);
    }
    this.judge.tampered(key);
    this.note('tampered with');
  }

  process(options: ProcessOptions): Process {
    const { name, kind, slowMs, deadlineMs, mayCrash, settings: given = this.settings() } = options;
    const settings = this.mutation.rules?.(given, kind) ?? given;
    const random = randomOf(this.plan.seed, name);
    const crashes = mayCrash && happens(random, this.network.rates().crash);
    const crash: Crash | undefined = crashes
      ? { atRequest: below(random, 8), stage: oneOf(random, ['before', 'sent', 'after', 'hangs']) }
      : undefined;
    const { skewMs, step } = options.clock ?? this.clockFacts(name, false);
    if (Math.abs(skewMs) > 5 * SECOND) this.note('clock is off');
    const facts = { name, kind, random, skewMs, slowMs, step, crash, deadlineMs, settings };
    return new Process(facts, this.scheduler);
  }

  /** How a clock goes wrong. */
  clockFacts(name: string, isFunction: boolean): Pick<ProcessFacts, 'skewMs' | 'step'> {
    const random = randomOf(this.plan.seed, `clock of ${name}`);
    const { startMs, calmAtMs, settings } = this.plan;
    const skewMs = between(random, -1, 1) * settings.skewMs;
    const step = { atMs: between(random, startMs, calmAtMs), byMs: settings.stepMs };
    if (!isFunction) return { skewMs, step };
    const limited = (ms: number, max: number) => Math.max(-max, Math.min(max, ms));
    return {
      skewMs: limited(skewMs, FUNCTION_SKEW_MS_MAX),
      step: { ...step, byMs: limited(step.byMs, FUNCTION_STEP_MS_MAX) },
    };
  }

  /** What a command has; an invocation has the destination alone. */
  ports(process: Process): Ports {
    const { mutation } = this;
    const transactions = transactionPort(this.#partsOf(process));
    const readers = this.#readers(process);
    return {
      twinWriter: this.destination(process),
      transactions: mutation.transactions?.(transactions) ?? transactions,
      reader: this.reader(process),
      lookAgain: this.lookAgain.port(process),
      ...(mutation.readers?.(readers, process, this) ?? readers),
    };
  }

  destination(process: Process): TwinWriter {
    const destination = destinationPort(this.#partsOf(process));
    return this.mutation.destination?.(destination, process, this) ?? destination;
  }

  deadLetters(process: Process): DeadLetterQueue {
    const queue = this.places.deadLetters(process);
    return this.mutation.deadLetters?.(queue, process, this) ?? queue;
  }

  reader(process: Process): TwinReader {
    const reader = destinationReaderPort(this.#partsOf(process));
    return this.mutation.reader?.(reader, process, this) ?? reader;
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
      source: projectedTable(this.rawSource(process), process.facts.settings),
      twin: readerPort({
        ...parts,
        service: 'destination',
        table: TABLES.twin,
        onRead: (key) => {
          const differed = this.differs(key, process.facts.settings);
          return () => process.twinDiffered.set(key, differed);
        },
      }),
      ledger: readerPort({
        ...parts,
        service: 'destination',
        table: TABLES.state,
        onRead: () => () => undefined,
      }),
    };
  }

  /** Without its projection. */
  rawSource(process: Process): ReadableTable {
    const { network, db } = this;
    return readerPort({
      process,
      network,
      db,
      service: 'source',
      table: TABLES.source,
      onRead: (key) => {
        const place = this.judge.placeOf(key);
        return () => process.sourceReads.set(key, place);
      },
    });
  }

  /** Of every item that either table has or had. */
  names(): string[] {
    const written = this.judge.writes().map(({ key }) => key);
    return [...new Set([...written, ...this.db.contents(TABLES.twin).keys()])];
  }

  /** Whether the twin has another item now than it must have; versions are no difference. */
  differs(key: string, settings?: ProcessSettings): boolean {
    const expected = this.expected(key, settings);
    const { _ferry: _, ...twin } = this.db.get(TABLES.twin, key) ?? {};
    return expected === 'fails' || textOf(expected) !== textOf(twin);
  }

  #newDb(): MemoryDynamoDb {
    const { scheduler, plan, keys } = this;
    return new MemoryDynamoDb({
      tables: { [TABLES.source]: keys, [TABLES.twin]: keys, [TABLES.state]: tableWith('id') },
      now: () => scheduler.now(),
      isExpired: (table, key, { expiresAt }) => {
        if (table !== TABLES.state || expiresAt?.N === undefined) return false;
        const lagMs = (hashOf(key) / 2 ** 32) * EXPIRY_LAG_MS_MAX;
        const isDue = Number(expiresAt.N) * 1000 + lagMs < scheduler.now();
        if (isDue) this.note('ledger row expired');
        return isDue;
      },
      isInvalid: (table, name, item) => {
        if (table !== TABLES.twin || scheduler.now() >= plan.fixedAtMs) return false;
        return item === undefined ? this.#refusedDeletes.has(name) : item['poison'] !== undefined;
      },
      onChange: (change, cause) => {
        this.judge.onChange(change, cause);
        if (change.table === TABLES.twin) this.next?.source.bring(change.key, change.after);
      },
    });
  }
}
