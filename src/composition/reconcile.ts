// What a comparison on a schedule works with in the bulk function: the row of the ledger, the tables, the bucket of the
// reports, and the state machine that it is a part of.

import type { Sides } from '../aws/access.ts';
import { dynamoDbTwinReader, dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { writeMetrics } from '../aws/emf-metrics.ts';
import { namingFailures } from '../aws/named-failures.ts';
import { objectClient, s3Objects } from '../aws/s3-objects.ts';
import { stepFunctions, stepFunctionsClient } from '../aws/step-functions.ts';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { givenName } from '../config/directions.ts';
import { isBackName } from '../config/names.ts';
import type { Deployment, ReplicationConfig } from '../config/schema.ts';
import { FerryError } from '../errors.ts';
import { errorName } from '../history/entry.ts';
import { activeRegion } from '../model/active-region.ts';
import type { ControlRow } from '../model/control-row.ts';
import { itemRequest } from '../model/read-request.ts';
import {
  type GoodRun,
  parseReconciliation,
  putReconciliation,
  reconciliationKey,
} from '../model/reconciliation-row.ts';
import { retry } from '../pacing/retry.ts';
import type { Item, TwinReader, TwinWriter } from '../ports.ts';
import { readControl } from '../replicate/first-adoption.ts';
import { SETTLE_MS } from '../reconcile/plan.ts';
import type { ReconcileContext } from '../reconcile/reconcile.ts';
import { repair } from '../verify/repair.ts';
import { activeDirection, readCopies } from './active-direction.ts';
import type { CommandLease } from './command-lease.ts';
import { checkControl } from './control.ts';
import { logLine, metricsOf } from './function-output.ts';
import { functionProjection } from './function-projection.ts';
import { historyHomes, keepInHistory } from './history.ts';
import { openPairWriting, repairContext, retriesUntil } from './pair-work.ts';
import { openTablePair, sourceArnOf, type TablePair } from './table-pair.ts';

export interface ReconcileSetup {
  readonly deployment: Deployment;
  readonly sides: Sides;
  readonly lease: CommandLease | undefined;
  readonly isTimeUp: () => boolean;
  /** ARN of the function. */
  readonly by: string;
}

/** @throws Error where the deployment has no `reconcile`. */
export function openReconcile(setup: ReconcileSetup): ReconcileContext & { close(): void } {
  const { deployment, sides, isTimeUp } = setup;
  const { replication, onFailureBucket } = deployment;
  const { reconcile: settings, source } = replication;
  if (settings === undefined) throw new Error(`${replication.name} has no "reconcile"`);
  const ledger = namingFailures(writeClient({ ...sides.destination, concurrency: 1 }));
  const objects = objectClient({ region: source.region });
  const machines = stepFunctionsClient({ region: source.region });
  return {
    settings,
    clock: systemClock,
    random: systemRandom,
    ledger: ledgerOf(replication, {
      reader: dynamoDbTwinReader(ledger),
      writer: dynamoDbTwinWriter(ledger),
    }),
    isActive: () => isActive(replication, sides),
    runs: stepFunctions(machines, ''),
    tables: () => withPair(setup, false, lookAt),
    bucket: s3Objects(objects, onFailureBucket),
    repair: (keys, apply) =>
      withPair(setup, apply, (pair) => repairKeys(keys, { pair, apply }, setup)),
    isTimeUp,
    publish: (figures) => writeMetrics(figures, metricsOf(replication)),
    note: (run, failure) => noteRun(run, failure, setup),
    close() {
      for (const client of [ledger, objects, machines]) client.destroy();
    },
  };
}

function ledgerOf(
  { name, stateTable }: ReplicationConfig,
  { reader, writer }: { readonly reader: TwinReader; readonly writer: TwinWriter },
): ReconcileContext['ledger'] {
  const place = { replication: name, stateTable };
  return {
    async read() {
      const request = itemRequest(stateTable, reconciliationKey(place));
      const { items } = await retry(() => reader.read(request), RETRIES);
      const row = parseReconciliation(items[0]);
      if (row !== 'unreadable') return row;
      throw new FerryError(`The row of the last run in ${stateTable} cannot be read.`, {
        code: 'reconcile.unreadable',
        hint: 'A later release has written it. Deploy that release: `npx cdk deploy --all`.',
      });
    },
    async write(row) {
      const { kind } = await retry(() => writer.write(putReconciliation(place, row)), RETRIES);
      // Step Functions calls again, and then this call sees what the other one has written.
      if (kind === 'refused') throw new Error(`another call has written the row of ${name}`);
    },
  };
}

/** @throws FerryError where the copies of the control row do not say. */
async function isActive(replication: ReplicationConfig, sides: Sides): Promise<boolean> {
  if (replication.switching === undefined) return true;
  const state = activeRegion(await readCopies(replication, sides, NEVER));
  if (state.kind === 'unwritten') return !isBackName(replication.name);
  return activeDirection(replication, state) === 'out';
}

async function withPair<T>(
  { deployment, sides, lease }: ReconcileSetup,
  writes: boolean,
  work: (pair: TablePair) => Promise<T>,
): Promise<T> {
  const { replication } = deployment;
  const projection = await functionProjection(deployment, sides.source);
  const setup = { replication, sides, concurrency: CONCURRENCY, writes, projection, lease };
  const pair = await openTablePair(setup);
  try {
    return await work(pair);
  } finally {
    pair.close();
  }
}

async function lookAt(pair: TablePair) {
  const { source, destination } = pair.facts;
  const control = await controlOf(pair);
  if (control === undefined) throw unreplicated(pair);
  return {
    // DynamoDB counts every few hours: a twin may be larger than its source was then.
    sizeBytes: Math.max(source.sizeBytes, destination.sizeBytes),
    isPaused: control.paused !== undefined,
  };
}

/** Unlike a command, it does not read the state table to see whether a missing row is a mistake. */
async function controlOf(pair: TablePair): Promise<ControlRow | undefined> {
  const { lease, rules, twinReader } = pair;
  if (lease !== undefined) return checkControl(pair, RETRIES);
  const { kind } = await retry(() => readControl(rules, twinReader), RETRIES);
  return kind === 'missing' ? undefined : checkControl(pair, RETRIES);
}

function unreplicated({ rules: { replication: name } }: TablePair): FerryError {
  return new FerryError(`${name} has not replicated anything yet: it has no control row.`, {
    code: 'reconcile.unreplicated',
    hint: 'The tables are compared the day after the first record or backfill. `ferry status` shows what keeps them back.',
  });
}

async function repairKeys(
  keys: readonly Item[],
  { pair, apply }: { readonly pair: TablePair; readonly apply: boolean },
  { deployment, sides, lease }: ReconcileSetup,
) {
  const { replication, lookAgainQueueUrl: queueUrl } = deployment;
  const retries = lease === undefined ? RETRIES : retriesUntil(lease.lost);
  const streamArn = sourceArnOf(replication, pair);
  const work = { replication, sides, pair, streamArn, retries, queueUrl, apply };
  const context = repairContext(await openPairWriting(work), {
    itemsPerSecond: ITEMS_PER_SECOND,
    settleMs: SETTLE_MS,
  });
  const nothing = () => undefined;
  const options = { apply, onProgress: nothing, onItem: nothing };
  return repair(each(keys), context, options);
}

/** In the log group of this direction. A repair that is not in the history has been done all the same. */
async function noteRun(
  { run, startedAtMs, endedAtMs, items, differences, repaired, left }: GoodRun,
  failure: unknown,
  { deployment: { replication }, sides, by }: ReconcileSetup,
): Promise<void> {
  const time = (ms: number) => new Date(ms).toISOString();
  const entry = {
    startedAt: time(startedAtMs),
    endedAt: time(endedAtMs),
    by,
    command: 'reconcile',
    replication: givenName(replication),
    options: { run },
    counts: { items, differences, repaired, left },
    ...(failure === undefined
      ? { outcome: left === 0 ? ('done' as const) : ('left' as const) }
      : { outcome: 'failed' as const, error: errorName(failure) }),
  };
  const homes = historyHomes(replication, sides, process.env).slice(0, 1);
  const problem = await keepInHistory(entry, homes);
  if (problem !== undefined) logLine({ event: 'history.not-kept', error: problem });
}

async function* each(keys: readonly Item[]): AsyncGenerator<Item> {
  yield* keys;
}

const CONCURRENCY = 16;
/** The default of `ferry repair`. */
const ITEMS_PER_SECOND = 100;
/** Only Lambda ends a run. */
const NEVER = new AbortController().signal;
const RETRIES = retriesUntil(NEVER);
