// How the CLI speaks: results on standard output, everything else on standard error.

import { grouped } from '../text/number-text.ts';
import type { Clock } from '../ports.ts';

export { counted, grouped } from '../text/number-text.ts';

/** The world as a command sees it; tests give their own. */
export interface Io {
  /** A line of the result. */
  readonly out: (line: string) => void;
  /** A line for people. */
  readonly err: (line: string) => void;
  /** Replaces the last status line on a terminal; elsewhere it says nothing. */
  readonly status: (line: string) => void;
  /** Whether `status` is seen. */
  readonly isTerminal: boolean;
  /** Columns that a status line may have at the moment; it is cut there. @default 79 */
  readonly statusColumns?: (() => number) | undefined;
  /** Columns of the terminal that shows the result; undefined in a file or a pipe, where any length will do. */
  readonly resultColumns?: (() => number | undefined) | undefined;
  /** Empties the screen that shows the result; absent where there is none. */
  readonly clear?: (() => void) | undefined;
  /** Lines of that screen; undefined where they are not known. */
  readonly screenRows?: (() => number | undefined) | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first Ctrl-C. */
  readonly interrupted: AbortSignal;
  /** Of the waits that take minutes. @default the system's */
  readonly clock?: Clock | undefined;
}

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Ran fine, but found differences or left something undone. */
  differences: 3,
} as const;

/** [=====     ] 120 of about 300 */
export function progressBar(done: number, expected: number): string {
  return `${bar(done, expected)} ${doneOf(done, expected)}`;
}

/** [=====     ] 12 of 30 */
export function countBar(done: number, count: number): string {
  return `${bar(done, count)} ${grouped(done)} of ${grouped(count)}`;
}

function bar(done: number, expected: number): string {
  const width = 20;
  const filled = Math.round((done / Math.max(done, expected, 1)) * width);
  return `[${'='.repeat(filled).padEnd(width)}]`;
}

/** "120 of about 300", or "310" where the estimate was too low. */
export function doneOf(done: number, expected: number): string {
  return done > expected || expected === 0
    ? grouped(done)
    : `${grouped(done)} of about ${grouped(expected)}`;
}

/**
 * A status line of the facts that fit, the most important ones first. One that is too long makes room for
 * a shorter one behind it.
 */
export function fitted(facts: readonly string[], { statusColumns }: Io): string {
  const columns = statusColumns?.() ?? STATUS_COLUMNS;
  let line = '';
  for (const fact of facts) {
    const longer = line === '' ? fact : `${line}  ${fact}`;
    if (longer.length <= columns || line === '') line = longer;
  }
  return line;
}

/** Of a terminal with 80 columns, whose last one would begin a new line. */
const STATUS_COLUMNS = 79;

/** The words of a text on lines of so many columns. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
