// The scale of a vertical axis: from zero to a round number, in a few round steps.

export interface Scale {
  readonly max: number;
  readonly ticks: readonly number[];
}

const STEPS_MAX = 5;

/** @param visible the highest of what must be in sight; it gets some air above it. */
export function scaleTo(visible: number): Scale {
  const highest = visible * 1.06;
  const step = highest > 0 ? roundStep(highest / STEPS_MAX) : 1;
  const steps = Math.max(1, Math.ceil(highest / step - 1e-9));
  const ticks = Array.from({ length: steps + 1 }, (_, index) => rounded(index * step));
  return { max: rounded(steps * step), ticks };
}

/** The least of 1, 2, 2.5, 5 and 10 times a power of ten that is not below `step`. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  const factor = [1, 2, 2.5, 5, 10].find((one) => one * power >= step * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** Without what binary fractions leave over. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

/** As CloudWatch writes it: 1,500 is 1.5k. */
export function tickText(value: number): string {
  if (value >= 1e6) return `${rounded(value / 1e6)}M`;
  return value >= 1e3 ? `${rounded(value / 1e3)}k` : String(value);
}
