// What goes wrong around a replication on real engines: a network that is never quite well, invocations that are
// stopped while others take their batches; and what an operator does about the rest in the end.

import { setTimeout as delay } from 'node:timers/promises';
import type { FaultProxy } from '../../src/local/faults/fault-proxy.ts';
import type { Fault } from '../../src/local/faults/faults.ts';
import { localRedrive } from '../../src/local/run/local-redrive.ts';
import type { LocalWorld } from '../../src/local/run/local-world.ts';

export const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

export type Struck = 'throttle' | 'error' | 'reset' | 'late' | 'poison';

/** In one put of a hundred. */
const POISON_MARKER = '"b77';

/** Some writes are throttled, and some items are such as the destination refuses. */
export const THROTTLE: Fault = { kind: 'throttle', share: 0.02 };
const POISON: Fault = { kind: 'poison', marker: POISON_MARKER };
/**
 * A network that is never quite well, too.
 * @param unknown share of the requests whose answers never reach the function: each makes its batch wait for ten seconds.
 */
export function everything(unknown: number): Fault[] {
  const network: Fault[] = [
    { kind: 'error', share: unknown },
    { kind: 'reset', share: unknown },
    { kind: 'late', share: unknown, ms: 200 },
  ];
  return [THROTTLE, ...network, POISON];
}

/** @returns what ends it. */
export function disturb(faults: FaultProxy, how: readonly Fault[]): () => void {
  const takeBacks = how.map((fault) => faults.inject(fault));
  return () => takeBacks.forEach((takeBack) => takeBack());
}

/** What chance has left out so far happens now, all of it in one batch if possible: it waits once. */
export async function untilAllStruck(faults: FaultProxy): Promise<void> {
  const missing = UNKNOWN.filter(({ kind }) => faults.counts.injected[kind] === 0);
  await Promise.all(
    missing.map(async (fault) => {
      const takeBack = faults.inject(fault);
      await until(`a fault: ${fault.kind}`, () => faults.counts.injected[fault.kind] > 0);
      takeBack();
    }),
  );
}

const UNKNOWN: readonly Fault[] = [
  { kind: 'error', share: 0.1 },
  { kind: 'reset', share: 0.1 },
  { kind: 'late', share: 0.1, ms: 200 },
];

export function struckBy({ counts: { injected } }: FaultProxy): Record<Struck, number> {
  const { throttle, error, reset, late, poison } = injected;
  return { throttle, error, reset, late, poison };
}

/** More than its own batch: they delete some of what the stopped invocation is still going to put. */
const RECORDS_OVERLAPPED = 2_000;
const OVERLAP_MS_MAX = 10_000;

/** Stops an invocation, not kills it, while others take its batch and the next ones; then it goes on. */
export async function overlap(world: LocalWorld, records = RECORDS_OVERLAPPED): Promise<void> {
  const goOn = await stopOne(world);
  const { counts } = world.mapping;
  const { done } = counts;
  const endMs = performance.now() + OVERLAP_MS_MAX;
  const isLate = () => performance.now() > endMs;
  try {
    await until('a second invocation', () => counts.done > done);
    await until('more', () => isLate() || counts.done > done + records);
  } finally {
    goOn();
  }
}

/** Stops an invocation that has many writes to send again. @returns what lets it go on. */
export async function stopOne({ lambda, faults }: LocalWorld): Promise<() => void> {
  let goOn: (() => void) | undefined;
  const { throttle } = faults.counts.injected;
  const operations = ['PutItem', 'TransactWriteItems'];
  const takeBack = faults.inject({ kind: 'throttle', share: 1, operations });
  try {
    await until('throttled writes', () => faults.counts.injected.throttle > throttle + 30);
    await until('an invocation', () => (goOn = lambda.abandon()) !== undefined);
  } finally {
    takeBack();
  }
  return () => goOn?.();
}

/** As an operator would in the end: until nothing is left. Killed ones have hidden letters for a while. */
export async function redriveAll(world: LocalWorld): Promise<{ redriven: number; left: number }> {
  const redrive = localRedrive(world, CREDENTIALS);
  for (let round = 1; round <= 20; round += 1) {
    await redrive.applyToAll();
    if ((await world.failures.queue.size()) === 0) break;
    await delay(1_000);
  }
  const { applied, superseded, coalesced } = redrive.totals;
  return { redriven: applied + superseded + coalesced, left: await world.failures.queue.size() };
}

const PATIENCE_MS = 180_000;

export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited in vain for ${what}`);
    await delay(5);
  }
}
