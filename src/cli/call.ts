// One call of a command about one replication: what was typed, where the command prints, and what it opens.

import type { Sides } from '../aws/access.ts';
import {
  type DirectionName,
  type MayWrite,
  openDirection,
  requireFree,
} from '../composition/active-direction.ts';
import { type CommandLease, openCommandLease } from '../composition/command-lease.ts';
import { operatorSides } from '../composition/operator-access.ts';
import type { TablePair } from '../composition/table-pair.ts';
import { givenName } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { FerryError } from '../errors.ts';
import { wrongOption } from './arguments.ts';
import type { ParsedOptions } from './command.ts';
import { EXIT, type Io } from './output.ts';
import { recorded } from './recorded.ts';
import { selectedReplication } from './replication.ts';
import { explained } from './service-errors.ts';

export interface GivenCall {
  readonly options: ParsedOptions;
  readonly io: Io;
  /** Takes what the history counts of this run. `printResult` calls it, and so does a command that may be stopped. */
  readonly note?: ((facts: object) => void) | undefined;
}

export interface Call extends GivenCall {
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
  /** Of a replication that can be switched: the one that `replication` and `sides` are about. */
  readonly direction?: DirectionName | undefined;
  /** Of a command that writes in that direction. */
  readonly lease?: CommandLease | undefined;
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
  direction?: Work['direction'],
): Promise<number> {
  const replication = await selectedReplication(given.options);
  return aboutReplication(replication, given, { hint, run, direction });
}

export interface Work {
  readonly hint: string;
  /** Whether it needs the rights to change anything. @default with --apply */
  readonly changes?: boolean;
  /** @default that of the configuration file */
  readonly direction?: 'active' | DirectionName | undefined;
  /** In that direction, while another command changes which Region is active. @default 'unless-changing' */
  readonly mayWrite?: MayWrite | undefined;
  readonly run: (call: Call) => Promise<number>;
}

/** The same, about a replication that is chosen already. */
export function aboutReplication(
  replication: ReplicationConfig,
  { options, io }: GivenCall,
  work: Work,
): Promise<number> {
  const { hint, run, direction, changes: apply = options.has('apply') } = work;
  return explained({ hint, replications: [replication], apply }, async () => {
    if (replication.switching === undefined && direction !== undefined && direction !== 'active')
      throw oneDirection(replication);
    const sides = await operatorSides(replication, { apply, environment: io.environment });
    return recorded({ options, io, replication, sides }, (call) => {
      if (direction === undefined || replication.switching === undefined) return run(call);
      return inDirection(call, { ...work, direction, changes: apply });
    });
  });
}

function oneDirection({ name, twoWay }: ReplicationConfig): FerryError {
  if (twoWay !== undefined)
    return wrongOption(
      `--direction is for replications with "switching", and ${name} is one of two directions that both replicate.`,
      'Leave it out, and name the direction with --replication.',
    );
  return wrongOption(
    `--direction is for replications with "switching", and ${name} has one direction.`,
    'Leave it out.',
  );
}

/** A switch that closes the copies ends the work as Ctrl-C does. */
async function inDirection(
  { options, io, note, ...given }: Call,
  { hint, run, changes: apply, ...work }: Work & Required<Pick<Work, 'changes'>>,
): Promise<number> {
  const wanted = work.direction === 'active' ? undefined : work.direction;
  const needs = { wanted, apply, environment: io.environment, stop: io.interrupted };
  const opened = await openDirection(given.replication, given.sides, needs);
  const { replication, sides, direction, state } = opened;
  io.err(`Direction ${direction}: ${directionText(replication)}.`);
  note?.({ direction });
  if (options.has('apply')) requireFree(state, given.replication, work.mayWrite);
  return explained({ hint, replications: [replication], apply }, () =>
    withOpen(Promise.resolve(openCommandLease(replication, sides)), async (lease) => {
      const interrupted = AbortSignal.any([io.interrupted, lease.lost]);
      const about = { replication, sides, direction, lease };
      const call = { options, io: { ...io, interrupted }, note, ...about };
      const code = await run(call);
      const reason: unknown = lease.lost.reason;
      if (!(reason instanceof FerryError)) return code;
      io.err(`${reason.message} Hint: ${reason.hint}`);
      return code === EXIT.done ? EXIT.differences : code;
    }),
  );
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
  { options, io, note, replication, direction }: GivenCall & Partial<Call>,
  facts: object,
  lines: readonly string[],
): void {
  note?.(facts);
  const about = replication && { replication: givenName(replication), direction };
  if (options.has('json')) io.out(JSON.stringify({ ...about, ...facts }));
  else for (const line of lines) io.out(line);
}

export function exitCode(isDone: boolean): number {
  return isDone ? EXIT.done : EXIT.differences;
}

export function titleOf(replication: ReplicationConfig): string {
  return `${givenName(replication)}, ${directionText(replication)}`;
}

function directionText({ source, destination }: ReplicationConfig): string {
  return `${source.region}/${source.table} to ${destination.region}/${destination.table}`;
}
