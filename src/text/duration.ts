// Durations as people say them.

const UNITS = [
  { name: 'days', ms: 86_400_000, from: 2 * 86_400_000 },
  { name: 'h', ms: 3_600_000, from: 2 * 3_600_000 },
  { name: 'min', ms: 60_000, from: 2 * 60_000 },
  { name: 's', ms: 1_000, from: 10_000 },
] as const;

/** 850 ms, 1.4 s, 42 s, 3 min, 5 h, 3 days: rounded, and never more exact than it helps. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const unit = UNITS.find(({ from }) => ms >= from);
  return unit === undefined
    ? `${(ms / 1000).toFixed(1)} s`
    : `${Math.round(ms / unit.ms)} ${unit.name}`;
}
