// How the CLI speaks: results on standard output, everything else on standard error.

import type { Clock } from '../ports.ts';

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

/** Two columns, the second aligned to the right. */
export function alignedRows(rows: ReadonlyArray<readonly [string, string]>): string[] {
  if (rows.length === 0) return [];
  const left = Math.max(...rows.map(([label]) => label.length));
  const right = Math.max(...rows.map(([, value]) => value.length));
  return rows.map(([label, value]) => `  ${label.padEnd(left)}  ${value.padStart(right)}`);
}

const GROUPED = new Intl.NumberFormat('en-US');

/** 12345 -> 12,345 */
export function grouped(value: number): string {
  return GROUPED.format(value);
}

/** [=====>    ] 120 of about 300 */
export function progressBar(done: number, expected: number): string {
  const width = 20;
  const total = Math.max(done, expected, 1);
  const filled = Math.round((done / total) * width);
  return `[${'='.repeat(filled).padEnd(width)}] ${grouped(done)} of about ${grouped(total)}`;
}
