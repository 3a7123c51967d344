// How long work shows that it goes on: a bar that renews itself on a terminal, and a line every ten
// seconds elsewhere.

import type { Clock } from '../ports.ts';
import { grouped, type Io, progressBar } from './output.ts';

export interface Step {
  readonly done: number;
  readonly expected: number;
  /** Whatever else is worth a place on the line. */
  readonly facts: readonly string[];
}

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 10_000;

/**
 * @param unit what is counted, such as "items".
 * @param before of `done`, what an earlier run has done: it says nothing about today's speed.
 */
export function progressReporter(io: Io, clock: Clock, unit: string): (step: Step) => void {
  const startMs = clock.now();
  const intervalMs = io.isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
  let before: number | undefined;
  let shownMs = startMs;
  return ({ done, expected, facts }) => {
    before ??= done;
    const nowMs = clock.now();
    if (nowMs - shownMs < intervalMs) return;
    shownMs = nowMs;
    const perSecond = ((done - before) * 1000) / (nowMs - startMs);
    const parts = [
      progressBar(done, expected),
      `${grouped(Math.round(perSecond))} ${unit}/s`,
      ...facts,
      ...(perSecond > 0 && expected > done ? [timeLeft((expected - done) / perSecond)] : []),
    ];
    if (io.isTerminal) io.status(parts.join('  '));
    else io.err(parts.join('  '));
  };
}

function timeLeft(seconds: number): string {
  if (seconds < 90) return `about ${Math.ceil(seconds)} s left`;
  if (seconds < 90 * 60) return `about ${Math.ceil(seconds / 60)} min left`;
  return `about ${Math.ceil(seconds / 3600)} h left`;
}

/** The most memory that this process has had, in MiB. */
export function peakMemoryMiB(): number {
  return Math.ceil(process.resourceUsage().maxRSS / 1024);
}

/** An estimate; of next to nothing it says so. */
export function money(dollars: number): string {
  return dollars < 0.01 ? 'under $0.01' : `about $${dollars.toFixed(2)}`;
}
