// Epochs begin and end by the clock of who switches, and records have the time of DynamoDB: the two must agree, or a
// record would be judged as of another epoch.

import { FerryError } from '../errors.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';
import type { SwitchSide } from './ports.ts';

/** By how much the clock is off, in milliseconds: surely within this range. Positive where it is fast. */
export interface ClockError {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** One question to the service: its time in whole seconds, and the clock before and after. */
export interface TimeSample {
  readonly seconds: number;
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** The more samples, the narrower: the service cuts its time off to whole seconds. */
export function clockError(samples: readonly TimeSample[]): ClockError {
  return {
    leastMs: Math.max(...samples.map(({ seconds, beforeMs }) => beforeMs - (seconds + 1) * 1000)),
    mostMs: Math.min(...samples.map(({ seconds, afterMs }) => afterMs - seconds * 1000)),
  };
}

/** Undetected are this, the time between two samples and a request: less than the margin of an epoch's beginning. */
const ERROR_MS_MAX = 300;
const SAMPLES = 4;
const PAUSE_MS = 250;

/**
 * A service that does not say its time is not asked again: an emulator.
 * @returns what the clock showed when it was found right, epoch milliseconds: it may be set a moment later.
 * @throws FerryError `switching.clock`, or what a request throws.
 */
export async function checkedTime(
  { region, serviceSeconds }: Pick<SwitchSide, 'region' | 'serviceSeconds'>,
  context: RetryContext,
): Promise<number> {
  const samples: TimeSample[] = [];
  let checkedMs = context.clock.now();
  for (let count = 0; count < SAMPLES; count += 1) {
    if (count > 0) await context.clock.sleep(PAUSE_MS);
    const sample = await retry(async () => {
      const beforeMs = context.clock.now();
      return { beforeMs, seconds: await serviceSeconds(), afterMs: context.clock.now() };
    }, context);
    const { seconds, beforeMs } = sample;
    checkedMs = beforeMs;
    if (seconds === undefined) return checkedMs;
    samples.push({ ...sample, seconds });
  }
  const { leastMs, mostMs } = clockError(samples);
  if (leastMs > ERROR_MS_MAX) throw wrong(`${Math.ceil(leastMs / 1000)} s ahead of`, region);
  if (mostMs < -ERROR_MS_MAX) throw wrong(`${Math.ceil(-mostMs / 1000)} s behind`, region);
  return checkedMs;
}

function wrong(how: string, region: string): FerryError {
  return new FerryError(
    `The clock of this machine is about ${how} that of DynamoDB in ${region}.`,
    {
      code: 'switching.clock',
      hint: 'Synchronize the clock (NTP), and run the command again. A switch that has begun goes on from where it was.',
    },
  );
}
