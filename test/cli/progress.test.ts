// How long work shows that it goes on, on a terminal and in a log.

import { describe, expect, it } from 'vitest';
import type { Io } from '../../src/cli/output.ts';
import { oncePerChange, progressReporter, type Step } from '../../src/cli/progress.ts';
import type { Clock } from '../../src/ports.ts';

function shown({ columns, isTerminal = columns !== undefined }: Partial<Watched> = {}) {
  const lines: string[] = [];
  const io: Io = {
    out: () => undefined,
    err: (line) => lines.push(line),
    status: (line) => lines.push(line),
    isTerminal,
    statusColumns: columns === undefined ? undefined : () => columns - 1,
    environment: {},
    interrupted: new AbortController().signal,
  };
  return { io, lines };
}

interface Watched {
  readonly columns: number;
  readonly isTerminal: boolean;
}

/** Reports one step a second, for as many steps. */
function reported(steps: readonly Step[], watched: Partial<Watched> = {}) {
  const { io, lines } = shown(watched);
  let nowMs = 0;
  const clock: Clock = { now: () => nowMs, sleep: () => Promise.resolve() };
  const report = progressReporter(io, clock, 'items');
  for (const step of steps) {
    nowMs += 1_000;
    report(step);
  }
  return lines;
}

const step = (done: number, ...facts: string[]): Step => ({ done, expected: 600, facts });
const every = (count: number, of: (index: number) => Step) =>
  Array.from({ length: count }, (_, index) => of(index));

describe('progress in a log', () => {
  it('is a line every ten seconds', () => {
    expect(reported(every(31, (index) => step(10 * index, 'no differences')))).toEqual([
      '[===                 ] 90 of about 600  about 57 s left  no differences  9 items/s',
      '[======              ] 190 of about 600  about 44 s left  no differences  10 items/s',
      '[==========          ] 290 of about 600  about 33 s left  no differences  10 items/s',
    ]);
  });

  it('says nothing while nothing changes', () => {
    const standing = every(120, () => step(100, '1 difference'));

    expect(reported(standing)).toHaveLength(1);
    expect(reported([...standing, ...every(20, () => step(100, '2 differences'))])).toHaveLength(2);
    expect(reported([...standing, ...every(10, () => step(101, '1 difference'))])).toHaveLength(2);
  });

  it('does not call an estimate what has turned out to be too low', () => {
    expect(reported(every(10, () => ({ done: 700, expected: 600, facts: [] })))).toEqual([
      `[${'='.repeat(20)}] 700  0 items/s`,
    ]);
    expect(reported(every(10, () => ({ done: 0, expected: 0, facts: [] })))).toEqual([
      `[${' '.repeat(20)}] 0  0 items/s`,
    ]);
  });
});

describe('progress on a terminal', () => {
  const last = (columns: number) =>
    reported(
      every(11, (index) => step(10 * index, '12 differences', '1,234 read units')),
      { columns },
    ).at(-1);

  it('keeps what is most important at every width', () => {
    expect(last(200)).toBe(
      '[===                 ] 100 of about 600  about 55 s left  12 differences  1,234 read units  9 items/s',
    );
    expect(last(80)).toBe(
      '[===                 ] 100 of about 600  about 55 s left  12 differences',
    );
    expect(last(40)).toBe('100 of about 600  about 55 s left');
  });
});

describe('facts of work without an end', () => {
  it('become another line of a log only when they have changed', () => {
    const { io, lines } = shown();
    const tell = oncePerChange(io);
    for (const writes of [1, 2, 2, 2, 3]) tell([`lag -`, `writes ${writes}`]);

    expect(lines).toEqual(['lag -  writes 1', 'lag -  writes 2', 'lag -  writes 3']);
  });
});
