// Latencies of the items of a run -> the share that was there within a time, and the axis on which such
// shares are drawn.

/** What was measured at one write rate. */
export interface LatencySample {
  /** Writes per second. */
  readonly rate: number;
  /** Of every write, ascending, milliseconds; Infinity for an item that never arrived. */
  readonly latenciesMs: readonly number[];
}

/** A published measurement of another replicator, between two AWS Regions. */
export const REFERENCE = [
  { withinMs: 1_200, share: 0.7 },
  { withinMs: 2_000, share: 0.9 },
  { withinMs: 3_000, share: 0.99 },
] as const;

/** The part of `latenciesMs`, ascending, that is at most `ms`; 0 to 1. */
export function shareWithin(latenciesMs: readonly number[], ms: number): number {
  let low = 0;
  let high = latenciesMs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((latenciesMs[middle] ?? Infinity) <= ms) low = middle + 1;
    else high = middle;
  }
  return latenciesMs.length === 0 ? 0 : low / latenciesMs.length;
}

/** Rounded down, so that only what is whole reads as 100 %. */
export function percent(share: number): string {
  // 0.29 * 1000 is 289.99…; the nudge is far below what is shown.
  const tenths = Math.floor(share * 1000 + 1e-6);
  return `${tenths % 10 === 0 ? tenths / 10 : (tenths / 10).toFixed(1)} %`;
}

/** A logarithmic axis of milliseconds. */
export interface TimeAxis {
  readonly fromMs: number;
  readonly toMs: number;
  /** Round numbers on the axis, ascending. */
  readonly ticksMs: readonly number[];
  /** 0 at the left end, 1 at the right one. */
  position(ms: number): number;
  /** The inverse of `position`. */
  at(position: number): number;
}

/** 1, 2, 5, 10, … */
const ROUND_MS = Array.from({ length: 8 }, (_, power) =>
  [1, 2, 5].map((n) => n * 10 ** power),
).flat();
const POWERS_MS = ROUND_MS.filter((_, index) => index % 3 === 0);
/** On a longer axis, the numbers of `ROUND_MS` would run into each other. */
const DECADES_MAX = 4;

/** Covers every latency of `samples`, and the reference beside them. */
export function timeAxis(samples: readonly LatencySample[]): TimeAxis {
  const least = Math.min(1_000, ...samples.map(({ latenciesMs }) => latenciesMs[0] ?? Infinity));
  const most = Math.max(
    // So that the last point of the reference does not stand on the edge.
    3_001,
    ...samples.map(({ latenciesMs }) => latenciesMs.findLast(Number.isFinite) ?? 0),
  );
  const isLong = Math.log10(most / Math.max(least, 1)) > DECADES_MAX;
  const round = isLong ? POWERS_MS : ROUND_MS;
  const fromMs = round.findLast((ms) => ms <= least) ?? 1;
  const toMs = round.find((ms) => ms >= most) ?? most;
  const decades = Math.log10(toMs / fromMs);
  return {
    fromMs,
    toMs,
    ticksMs: round.filter((ms) => ms >= fromMs && ms <= toMs),
    position: (ms) => Math.log10(Math.max(ms, fromMs) / fromMs) / decades,
    at: (position) => fromMs * 10 ** (position * decades),
  };
}
