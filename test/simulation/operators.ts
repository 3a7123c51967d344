// The commands of an operator, each in a process of its own: as the command line would start them, at any
// moment, several at once, killed anywhere.

import { destinationHealth } from '../../src/replicate/destination-health.ts';
import { type ControlRow, newestEpoch } from '../../src/model/control-row.ts';
import type { RedriveFilter } from '../../src/model/failure-message.ts';
import { adopt } from '../../src/switchover/adopt.ts';
import { retry } from '../../src/pacing/retry.ts';
import { paceOf } from '../../src/pacing/pace.ts';
import { pacedReader } from '../../src/pacing/paced-reader.ts';
import { redrive } from '../../src/redrive/redrive.ts';
import type { RedriveReport } from '../../src/redrive/report.ts';
import { repair, type RepairReport } from '../../src/verify/repair.ts';
import { verify, type VerifyReport } from '../../src/verify/verify.ts';
import type { Item } from '../../src/ports.ts';
import { basics, controlFor, floorFor } from './command-parts.ts';
import { runBackfill } from './copying.ts';
import type { PlannedCommand } from './plan.ts';
import { SECRET } from './projecting.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

export type Command = Omit<PlannedCommand, 'atMs'>;

export type Ending =
  | { readonly kind: 'killed' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'ended'; readonly report: unknown };

/** Begins a command; `onEnd` is told once what came of it. */
export function startCommand(
  command: Command,
  world: World,
  onEnd: (ending: Ending) => void,
): void {
  const process = world.process({ ...command, mayCrash: false });
  const { name } = process.facts;
  process.labelMs = world.source.stream.labelMs;
  if (command.kind !== 'adopt') world.commands.add(process);
  world.tell(() => `${name} begins`);
  const end = (ending: Ending) => {
    world.commands.delete(process);
    // An operator who reads that items were rejected begins again.
    const isWhole =
      ending.kind === 'ended' && (ending.report as { rejected?: number }).rejected === 0;
    if (command.reproject === true && isWhole) world.isReprojecting = false;
    if (JSON.stringify(ending).includes(SECRET))
      world.judge.violation(`leak: ${name} tells what the projection drops`);
    world.note(`${command.kind} ${ending.kind}`);
    world.tell(() => `${name} ${ending.kind}: ${describe(ending)}`);
    onEnd(ending);
  };
  process.onDeath = () => end({ kind: 'killed' });
  const { killAfterMs } = command;
  if (killAfterMs !== undefined) world.scheduler.after(killAfterMs, () => process.kill());
  runCommand(command, process, world).then(
    (report) => finish(process, world, () => end({ kind: 'ended', report })),
    (error: unknown) => finish(process, world, () => end({ kind: 'failed', error })),
  );
}

function finish(process: Process, world: World, then: () => void): void {
  if (!process.alive) return;
  process.endedAtMs = world.scheduler.now();
  then();
}

function describe(ending: Ending): string {
  if (ending.kind === 'failed') return String(ending.error);
  return ending.kind === 'ended' ? JSON.stringify(ending.report) : '';
}

function runCommand(command: Command, process: Process, world: World): Promise<unknown> {
  switch (command.kind) {
    case 'redrive':
      return runRedrive(command, process, world);
    case 'backfill':
      return runBackfill(command, process, world);
    case 'repair':
      return runRepair(process, world, command.settleMs);
    case 'verify':
      return runVerify(process, world, command.settleMs);
    case 'adopt':
      return runAdopt(process, world);
  }
}

async function runRedrive(
  { onlyKey, limit = Infinity }: Command,
  process: Process,
  world: World,
): Promise<RedriveReport> {
  const keyText = onlyKey === undefined ? undefined : world.keys.textOf(onlyKey);
  const filter: RedriveFilter = { keyText };
  const { stop, ...retries } = basics(process, world);
  const queue = world.places.queue(process);
  const bucket = world.places.bucket(process);
  const readControl = async () => {
    const row = await controlFor(process, world);
    return world.mutation.controlRow?.(row) ?? row;
  };
  const report = await redrive(
    {
      ...retries,
      ...world.ports(process),
      rules: process.facts.settings,
      control: await readControl(),
      readControl,
      withoutSource: world.mutation.withoutSource?.(process.facts.settings) ?? false,
      health: destinationHealth(),
      remainingMs: () => Infinity,
      queue: world.mutation.queue?.(queue, process, world) ?? queue,
      bucket: world.mutation.bucket?.(bucket, { filter, limit, process, world }) ?? bucket,
      readRange: (range) =>
        world.network.send(process, 'source', () => world.source.readRange(range)),
    },
    {
      apply: true,
      filter,
      limit,
      recordsPerSecond: Infinity,
      hiddenSeconds: HIDDEN_SECONDS,
      stop,
      onProgress: () => undefined,
    },
  );
  const { found, matched, applied, superseded, coalesced, skipped, resynchronized, left } = report;
  const final = applied + superseded + coalesced + skipped + resynchronized;
  if (matched < found) world.note('redrive of a part');
  if (resynchronized > 0) world.note('redrive read from the source');
  if (report.foreign > 0) world.note('foreign batch left where it is');
  if (found !== final + left) world.judge.violation(`counters: redrive ${JSON.stringify(report)}`);
  return report;
}

export const HIDDEN_SECONDS = 300;

async function runRepair(process: Process, world: World, settleMs: number): Promise<RepairReport> {
  const retries = basics(process, world);
  const { source, twin, ledger, twinWriter, lookAgain } = world.ports(process);
  const control = await controlFor(process, world);
  const unlimited = paceOf(Infinity, retries.clock);
  const report = await repair(
    keysIn(world),
    {
      ...retries,
      rules: process.facts.settings,
      epoch: newestEpoch(control).n,
      lookAgain,
      source: pacedReader(source, unlimited, retries),
      twin: pacedReader(twin, unlimited, retries),
      ledger,
      twinWriter,
      remainingMs: () => Infinity,
      settleMs,
      floor: floorFor(control, world),
      pace: unlimited,
    },
    { apply: true, onProgress: () => undefined, onItem: () => undefined },
  );
  const { looked, equal, put, deleted, inFlight, left } = report;
  if (looked !== equal + put + deleted + inFlight + left)
    world.judge.violation(`counters: repair ${JSON.stringify(report)}`);
  return report;
}

async function runAdopt(process: Process, world: World): Promise<ControlRow> {
  const { settings, name } = process.facts;
  const { reader, twinWriter, twin, ledger } = world.ports(process);
  const retries = basics(process, world);
  const read = (table: string) => retry(() => reader.tableId(table), retries);
  const identity = {
    region: settings.sourceRegion,
    streamArn: world.source.stream.arn,
    reserved: settings.reservedAttribute,
    destinationId: await read(settings.destinationTable),
    ledgerId: await read(settings.stateTable),
    tag: name,
  };
  const context = {
    ...retries,
    rules: settings,
    identity,
    twinReader: reader,
    twinWriter,
    twin,
    ledger,
    mappings: world.source.mappings(process),
    settleMs: settings.lookAgainSeconds * 1000,
    workers: 2,
    onStep: () => undefined,
  };
  return adopt({ again: false, asIs: false }, context);
}

async function* keysIn(world: World): AsyncGenerator<Item> {
  for (const name of world.names()) yield world.keys.keyOf(name);
}

/** @returns the report, and the differences by key. */
async function runVerify(process: Process, world: World, settleMs: number) {
  const { totalSegments } = world.plan.settings;
  const retries = basics(process, world);
  const { source, twin } = world.ports(process);
  const unlimited = paceOf(Infinity, retries.clock);
  const differences = new Map<string, string>();
  const report: VerifyReport = await verify(
    {
      ...retries,
      source: pacedReader(source, unlimited, retries),
      destination: pacedReader(twin, unlimited, retries),
      rules: { reservedAttribute: '_ferry' },
      settleMs,
      onDifference({ key, kind }) {
        const text = world.keys.nameOf(key) ?? '';
        differences.set(text, kind);
        if (process.twinDiffered.get(text) !== true)
          world.judge.violation(`verify: ${text} is said to be ${kind}, and was not`);
      },
      onInFlight: () => world.note('difference in flight'),
      onUnreadable: () => undefined,
    },
    {
      segments: Array.from({ length: totalSegments }, (_, segment) => segment),
      totalSegments,
      workers: 2,
      onProgress: () => undefined,
    },
  );
  return { ...report, differences };
}

export type VerifyEnding = Awaited<ReturnType<typeof runVerify>>;
