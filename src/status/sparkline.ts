// An hour on one line: a column per minute, or per few, as high as its highest value.

import type { Series } from '../model/vitals.ts';

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
/** No datapoint: nothing happened, or nothing was published. */
const NOTHING = '·';

/** Whether a text is a sparkline, to be left out where there is no room. */
export function isSparkline(text: string): boolean {
  return /^[▁▂▃▄▅▆▇█·]+$/.test(text);
}

export interface SparklineFrame {
  readonly fromMs: number;
  readonly toMs: number;
  readonly columns: number;
}

/** From zero to the highest value; `·` where there is none. */
export function sparkline(series: Series, { fromMs, toMs, columns }: SparklineFrame): string {
  const highest = Array.from<number | undefined>({ length: columns });
  for (const [atMs, value] of series) {
    const column = Math.floor(((atMs - fromMs) / (toMs - fromMs)) * columns);
    if (column < 0 || column >= columns) continue;
    highest[column] = Math.max(value, highest[column] ?? value);
  }
  const top = Math.max(...highest.map((value) => value ?? 0));
  return highest
    .map((value) => {
      if (value === undefined) return NOTHING;
      return BLOCKS[top === 0 ? 0 : Math.round((value / top) * (BLOCKS.length - 1))];
    })
    .join('');
}
