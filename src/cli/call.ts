// One call of a command about one replication: what was typed, where the command prints, and what it opens.

import type { Sides } from '../aws/access.ts';
import { operatorSides } from '../composition/operator-access.ts';
import type { TablePair } from '../composition/table-pair.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { ParsedOptions } from './command.ts';
import { EXIT, type Io } from './output.ts';
import { selectedReplication } from './replication.ts';
import { explained } from './service-errors.ts';

export interface GivenCall {
  readonly options: ParsedOptions;
  readonly io: Io;
}

export interface Call extends GivenCall {
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
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
  given: GivenCall,
  hint: string,
  run: (call: Call) => Promise<number>,
): Promise<number> {
  return aboutReplication(await selectedReplication(given.options), given, { hint, run });
}

export interface Work {
  readonly hint: string;
  /** Whether it needs the rights to change anything. @default with --apply */
  readonly changes?: boolean;
  readonly run: (call: Call) => Promise<number>;
}

/** The same, about a replication that is chosen already. */
export function aboutReplication(
  replication: ReplicationConfig,
  { options, io }: GivenCall,
  { hint, run, changes: apply = options.has('apply') }: Work,
): Promise<number> {
  return explained({ hint, replications: [replication], apply }, async () => {
    const sides = await operatorSides(replication, { apply, environment: io.environment });
    return run({ options, io, replication, sides });
  });
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

/**
 * The result: one line of JSON for scripts, or lines for people.
 * @param facts what the line has beside the name of the replication, if the call is about one.
 */
export function printResult(
  { options, io, replication }: GivenCall & Partial<Call>,
  facts: object,
  lines: readonly string[],
): void {
  const about = replication && { replication: replication.name };
  if (options.has('json')) io.out(JSON.stringify({ ...about, ...facts }));
  else for (const line of lines) io.out(line);
}

export function exitCode(isDone: boolean): number {
  return isDone ? EXIT.done : EXIT.differences;
}

export function titleOf({ name, source, destination }: ReplicationConfig): string {
  return `${name}, ${source.region}/${source.table} to ${destination.region}/${destination.table}`;
}
