// The faults of `ferry local --faults`: what goes wrong, when, and what each one shows. Announced as they happen.

import type { Clock } from '../../ports.ts';
import type { LambdaFunction } from '../lambda/lambda-process.ts';
import type { LocalWorld } from '../run/local-world.ts';
import type { Fault } from './faults.ts';

export interface ScheduledFault<World> {
  /** Shares of the workload's duration. */
  readonly from: number;
  readonly to: number;
  readonly begins: string;
  readonly ends: string;
  /** @returns what takes it back. */
  readonly begin: (world: World) => () => void;
}

/** Text in about a tenth of the workload's puts. */
export const POISON_MARKER = '"b7"';

/** The outage is last: after it, the function waits for requests that may still be applied. */
export const ONE_WAY_FAULTS: ReadonlyArray<ScheduledFault<LocalWorld>> = [
  {
    from: 0.1,
    to: 0.2,
    begins: 'throttling: the destination refuses every second write',
    ends: 'throttling is over: what was refused has been tried again, or waits in the stream',
    begin: injected({ kind: 'throttle', share: 0.5 }),
  },
  {
    from: 0.3,
    to: 0.5,
    begins: 'poison: the destination rejects items tagged b7 in every attempt',
    ends: 'poison is over: its cause is fixed; the dead letters wait for a redrive',
    begin: injected({ kind: 'poison', marker: POISON_MARKER }),
  },
  {
    from: 0.55,
    to: 0.56,
    begins: 'crash: the function is killed in the middle of whatever it does',
    ends: 'crash is over: the batch is delivered again, and the guard absorbs what was done already',
    begin: ({ lambda }) => crash(lambda),
  },
  {
    from: 0.65,
    to: 0.85,
    begins: 'outage: the destination is gone',
    ends: 'outage is over: the stream has kept everything, and no dead letter was written for it',
    begin: injected({ kind: 'outage' }),
  },
];

export interface FaultScheduleOptions<World> {
  readonly schedule: ReadonlyArray<ScheduledFault<World>>;
  readonly world: World;
  readonly clock: Clock;
  readonly durationMs: number;
  readonly stop: AbortSignal;
  readonly onFault: (line: string) => void;
}

/** Injects each fault at its time, and takes it back. */
export async function injectScheduled<World>(options: FaultScheduleOptions<World>): Promise<void> {
  const { schedule, clock, durationMs } = options;
  const startMs = clock.now();
  for (const scheduled of schedule) {
    await sleepUntil(startMs + scheduled.from * durationMs, options);
    if (options.stop.aborted) return;
    options.onFault(scheduled.begins);
    const takeBack = scheduled.begin(options.world);
    await sleepUntil(startMs + scheduled.to * durationMs, options);
    takeBack();
    options.onFault(scheduled.ends);
  }
}

function injected(fault: Fault): (world: LocalWorld) => () => void {
  return ({ faults }) => faults.inject(fault);
}

export function crash(lambda: Pick<LambdaFunction, 'crash'>): () => void {
  lambda.crash();
  return () => undefined;
}

const SLEEP_MS_MAX = 100;

async function sleepUntil(
  timeMs: number,
  { clock, stop }: Pick<FaultScheduleOptions<unknown>, 'clock' | 'stop'>,
): Promise<void> {
  while (!stop.aborted && clock.now() < timeMs) {
    await clock.sleep(Math.min(SLEEP_MS_MAX, timeMs - clock.now()));
  }
}
