// How long work shows that it goes on: a bar that renews itself on a terminal, and elsewhere a line every
// ten seconds, if anything has changed.

import type { Clock } from '../ports.ts';
import { doneOf, fitted, grouped, type Io, progressBar } from './output.ts';

export interface Step {
  readonly done: number;
  readonly expected: number;
  /** Whatever else is worth a place on the line, the most important first. */
  readonly facts: readonly string[];
}

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 10_000;

/** A terminal with fewer columns has room for figures only. */
const BAR_COLUMNS_MIN = 60;

/**
 * @param unit what is counted, such as "items".
 * @param before of `done`, what an earlier run has done: it says nothing about today's speed.
 */
export function progressReporter(io: Io, clock: Clock, unit: string): (step: Step) => void {
  const startMs = clock.now();
  const intervalMs = io.isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
  const tell = oncePerChange(io);
  let before: number | undefined;
  let shownMs = startMs;
  return (step) => {
    const { done } = step;
    before ??= done;
    const nowMs = clock.now();
    if (nowMs - shownMs < intervalMs) return;
    shownMs = nowMs;
    const perSecond = ((done - before) * 1000) / (nowMs - startMs);
    // The speed of what stands still falls, and its time left grows: that is no progress.
    tell(figures(step, { perSecond, unit, io }), `${done} ${step.facts.join()}`);
  };
}

/**
 * Shows facts on the status line; where there is none, as a line.
 * @returns for facts, and what has to change for another line to be worth printing.
 */
export function oncePerChange(io: Io): (facts: readonly string[], state?: string) => void {
  let told: string | undefined;
  return (facts, state = facts.join()) => {
    if (io.isTerminal) io.status(fitted(facts, io));
    else if (state !== told) io.err(facts.join('  '));
    told = state;
  };
}

interface Pace {
  readonly perSecond: number;
  readonly unit: string;
  readonly io: Io;
}

function figures({ done, expected, facts }: Step, { perSecond, unit, io }: Pace): string[] {
  const hasRoomForBar = (io.statusColumns?.() ?? BAR_COLUMNS_MIN) >= BAR_COLUMNS_MIN;
  const left = perSecond > 0 && expected > done ? [timeLeft((expected - done) / perSecond)] : [];
  const speed = `${grouped(Math.round(perSecond))} ${unit}/s`;
  const first = hasRoomForBar ? progressBar(done, expected) : doneOf(done, expected);
  return [first, ...left, ...facts, speed];
}

function timeLeft(seconds: number): string {
  if (seconds < 90) return `about ${Math.ceil(seconds)} s left`;
  if (seconds < 90 * 60) return `about ${Math.ceil(seconds / 60)} min left`;
  return `about ${Math.ceil(seconds / 3600)} h left`;
}
