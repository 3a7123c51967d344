// Commands that write beside switches, under the lease: redrives and backfills.

import { backfill } from '../../../src/backfill/backfill.ts';
import { openBackfill } from '../../../src/backfill/run.ts';
import { requireSeries, versionOf } from '../../../src/model/guard.ts';
import { paceOf } from '../../../src/pacing/pace.ts';
import { newestEpoch } from '../../../src/model/control-row.ts';

import { redrive } from '../../../src/redrive/redrive.ts';
import { destinationHealth } from '../../../src/replicate/destination-health.ts';
import { leasedTransactions, leasedWriter, switchLease } from '../../../src/replicate/lease.ts';
import { readerPort } from '../ports.ts';
import type { Process, ProcessKind } from '../process.ts';
import { isTrimmed, type StreamEntry } from '../stream.ts';
import type { StreamRange } from '../../../src/model/failure-message.ts';
import type { Side } from './plan.ts';
import { readerOf, transactionsTo, writerTo } from './ports.ts';
import type { SwitchWorld } from './world.ts';

export const HIDDEN_SECONDS = 300;

/** Everything that waits in the direction from `source`, unless that side is not active. */
export async function redriveAll(
  world: SwitchWorld,
  source: Side,
  name: string,
  more: Pick<Command, 'slowMs' | 'killAfterMs'> = { slowMs: 20 },
): Promise<void> {
  const { places } = world.functions[source];
  const batches = [...places.objects.keys()].some((key) => key.startsWith('aws/lambda/'));
  if (!batches && places.bodies().length === 0) return;
  await runCommand(world, { ...more, name, kind: 'redrive', source }, (process) =>
    redriveIn(world, process, source),
  );
}

interface Command {
  readonly name: string;
  readonly kind: ProcessKind;
  readonly source: Side;
  readonly slowMs: number;
  readonly killAfterMs?: number | undefined;
}

/** Never rejects: who is not allowed to write ends. */
function runCommand(
  world: SwitchWorld,
  { name, kind, source, slowMs, killAfterMs }: Command,
  run: (process: Process) => Promise<unknown>,
): Promise<void> {
  const { settings } = world.functions[source];
  const process = world.process({ name, kind, slowMs, settings, mayCrash: false });
  world.tell(() => `${name} begins`);
  return new Promise((resolve) => {
    const end = (how: string) => {
      if (!process.alive) return;
      process.endedAtMs = world.scheduler.now();
      world.tell(() => `${name} ${how}`);
      world.note(`${kind} ${how.split(':')[0]}`);
      resolve();
    };
    process.onDeath = () => resolve();
    if (killAfterMs !== undefined) world.scheduler.after(killAfterMs, () => process.kill());
    run(process).then(
      (report) => end(`ended: ${JSON.stringify(report)}`),
      (error: unknown) => end(`failed: ${String(error)}`),
    );
  });
}

/** What a command has in the direction from `source`. */
function commandPorts(world: SwitchWorld, process: Process, source: Side) {
  const of = world.functions[source];
  const { settings: rules, destination, lookAgain } = of;
  const backRules = of.back().settings;
  const options = { world, process, from: 'operator' as const, witness: { seen: new Map() } };
  const setup = {
    copies: {
      source: { reader: readerOf(options, source), rules: backRules },
      destination: { reader: readerOf(options, destination), rules },
    },
    region: rules.sourceRegion,
    clock: process.clock(),
    monotonicMs: () => world.scheduler.now(),
  };
  const lease = switchLease(world.mutation.lease?.(setup, world) ?? setup);
  const readRow = async () => {
    const { copies, consent } = await lease.look();
    if (consent.kind !== 'open') throw new Error(`held: ${consent.why}`);
    if (consent.epoch.region !== rules.sourceRegion) throw new Error('the other direction is open');
    const { destination: found, source: other } = copies;
    if (other.kind === 'row') return other.row;
    if (found.kind === 'row') return found.row;
    throw new Error('no copy');
  };
  const parts = { process, db: world.db, service: 'destination' as const };
  const onRead = () => () => undefined;
  const tableIn = (side: Side, table: string) =>
    readerPort({ ...parts, network: world.link('operator', side), table, onRead });
  return {
    rules,
    readRow,
    /** Writers of the epoch. */
    writers: (epoch: number) => {
      const permit = world.mutation.permit?.(lease.permit(epoch), process) ?? lease.permit(epoch);
      return {
        twinWriter: leasedWriter(writerTo(options, destination, true), permit),
        transactions: leasedTransactions(transactionsTo(options, destination), permit),
      };
    },
    source: tableIn(source, `orders-${source}`),
    twin: tableIn(destination, `orders-${destination}`),
    ledger: tableIn(destination, `ledger-${destination}`),
    reader: readerOf(options, destination),
    lookAgain: lookAgain.port(process, 'operator'),
    clock: process.clock(),
    random: process.facts.random,
    stop: new AbortController().signal,
  };
}

/** All items of the active side, as copies below every record of its stream. */
export async function backfillFrom(
  world: SwitchWorld,
  source: Side,
  command: Command,
): Promise<void> {
  await runCommand(world, command, (process) => backfillIn(world, process, source));
}

async function backfillIn(world: SwitchWorld, process: Process, source: Side): Promise<unknown> {
  const { writers, readRow, reader: _, ...ports } = commandPorts(world, process, source);
  const control = await readRow();
  const { n } = newestEpoch(control);
  const { arn } = world.regions[source].stream;
  const unlimited = paceOf(Infinity, ports.clock);
  const context = {
    ...ports,
    ...writers(n),
    ttlDeletes: 'replicate' as const,
    epoch: n,
    floor: versionOf(requireSeries(arn, n), '0'),
    readPace: unlimited,
    writePace: unlimited,
    pageItems: world.plan.settings.pageItems,
    onRejected: () => world.note('copy rejected'),
  };
  const fresh = {
    run: process.facts.name,
    totalSegments: 1,
    streamArn: arn,
    destination: world.db.tableId(`orders-${world.functions[source].destination}`),
    startedAt: new Date(ports.clock.now()).toISOString(),
  };
  const { run } = await openBackfill(fresh, false, context);
  const { copied } = await backfill(run, context, { workers: 1, onProgress: () => undefined });
  return { copied };
}

async function redriveIn(world: SwitchWorld, process: Process, source: Side): Promise<unknown> {
  const { writers, readRow, reader: _, ...ports } = commandPorts(world, process, source);
  const control = await readRow();
  const of = world.functions[source];
  const { found, applied, left } = await redrive(
    {
      ...ports,
      ...writers(newestEpoch(control).n),
      control,
      readControl: readRow,
      withoutSource: false,
      strandedTo: of.bucketFor(process, 'operator'),
      health: destinationHealth(),
      remainingMs: () => Infinity,
      queue: of.places.queue(process),
      bucket: of.bucketFor(process, 'operator'),
      readRange: (range) =>
        world
          .link('operator', source)
          .send(process, 'source', () => readRange(world, source, range)),
    },
    {
      apply: true,
      filter: {},
      limit: Infinity,
      recordsPerSecond: Infinity,
      hiddenSeconds: HIDDEN_SECONDS,
      stop: ports.stop,
      onProgress: () => undefined,
    },
  );
  return { found, applied, left };
}

/** What the stream still has of a range. */
function readRange(
  world: SwitchWorld,
  source: Side,
  { shardId, startSequenceNumber, endSequenceNumber }: StreamRange,
): readonly unknown[] | 'trimmed' {
  const [from, to] = [BigInt(startSequenceNumber), BigInt(endSequenceNumber)];
  const isIn = ({ sequenceNumber }: StreamEntry) =>
    BigInt(sequenceNumber) >= from && BigInt(sequenceNumber) <= to;
  const entries = world.regions[source].stream.shard(shardId)?.entries.filter(isIn) ?? [];
  const nowMs = world.scheduler.now();
  if (entries.some((entry) => isTrimmed(entry, nowMs))) return 'trimmed';
  return entries.map(({ record }) => record);
}
