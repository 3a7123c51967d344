// The time of the figures of a run. In a rehearsal, a minute of them is shorter than a minute: what happens in it, and
// every age and latency, is stretched, so that alarms and the status judge as they do on AWS.

import { METRIC_UNITS } from '../../config/names.ts';
import type { Clock } from '../../ports.ts';

export interface FigureTime extends Clock {
  /** When in the figures something was, epoch milliseconds. */
  at(ms: number): number;
  /** Values of one of Ferry's metrics, as the figures have them. */
  stretched(metric: string, values: readonly number[]): readonly number[];
}

const MINUTE_MS = 60_000;
const UNITS: Readonly<Record<string, string>> = METRIC_UNITS;

/** @param minuteMs length of a minute of the figures. */
export function figureTime(clock: Clock, minuteMs = MINUTE_MS): FigureTime {
  const startMs = clock.now();
  const factor = MINUTE_MS / minuteMs;
  const at = (ms: number) => startMs + (ms - startMs) * factor;
  return {
    at,
    now: () => at(clock.now()),
    sleep: (ms) => clock.sleep(ms / factor),
    stretched: (metric, values) =>
      UNITS[metric] === 'Milliseconds' ? values.map((value) => value * factor) : values,
  };
}
