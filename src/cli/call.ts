// One call of a command about one replication: what was typed, where the command prints, and what it opens.

import type { TablePair } from '../composition/table-pair.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { ParsedOptions } from './command.ts';
import { EXIT, type Io } from './output.ts';
import { selectedReplication } from './replication.ts';
import { explained } from './service-errors.ts';

export interface Call {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
}

export interface PairCall extends Call {
  readonly pair: TablePair;
}

/**
 * Runs a command about the replication that its options name.
 * @param hint what holds however the command ends; may be empty.
 * @returns the exit code.
 * @throws FerryError
 */
export async function onReplication(
  { options, io }: Omit<Call, 'replication'>,
  hint: string,
  run: (call: Call) => Promise<number>,
): Promise<number> {
  const replication = await selectedReplication(options);
  return explained({ hint, replications: [replication] }, () => run({ options, io, replication }));
}

/** Closes what was opened, however `use` ends. */
export async function withOpen<Opened extends { close(): void } | undefined, Result>(
  opening: Promise<Opened>,
  use: (opened: Opened) => Promise<Result>,
): Promise<Result> {
  const opened = await opening;
  try {
    return await use(opened);
  } finally {
    opened?.close();
  }
}

/** @returns undefined where Ctrl-C ended the work. */
export async function untilInterrupted<Result>(
  { interrupted }: Pick<Io, 'interrupted'>,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error !== interrupted.reason) throw error;
    return undefined;
  }
}

/** The result: one line of JSON for scripts, or lines for people. */
export function printResult(
  { options, io }: Omit<Call, 'replication'>,
  facts: object,
  lines: readonly string[],
): void {
  if (options.has('json')) io.out(JSON.stringify(facts));
  else for (const line of lines) io.out(line);
}

export function exitCode(isDone: boolean): number {
  return isDone ? EXIT.done : EXIT.differences;
}

export function titleOf({ name, source, destination }: ReplicationConfig): string {
  return `${name}, ${source.region}/${source.table} to ${destination.region}/${destination.table}`;
}
