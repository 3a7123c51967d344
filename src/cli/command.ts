// A command as data: its options, from which its arguments are parsed and its help is made.

import type { Io } from './output.ts';
import { listed } from './rows.ts';

export interface OptionSpec {
  /** Shown in help for options that take a value; without it, the option is a switch. */
  readonly value?: string;
  readonly help: string;
  /** For whole numbers: the range that is accepted. */
  readonly range?: readonly [min: number, max: number];
  readonly default?: string | undefined;
  /** May be given several times. */
  readonly many?: true;
}

/** An option that takes a whole number. @param fallback its default. */
export function numberOption(
  value: string,
  range: readonly [min: number, max: number],
  help: string,
  fallback?: number,
): OptionSpec {
  return { value, range, help, default: fallback?.toString() };
}

export interface Command {
  readonly name: string;
  /** Names of what has to be given without an option, in order. @default none */
  readonly operands?: readonly string[];
  /** Name of what may be given behind them. @default none */
  readonly optionalOperand?: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** @returns the exit code. */
  run(options: ParsedOptions, io: Io): Promise<number>;
}

/** The options of one call. Asking for one that the command does not declare is a bug. */
export interface ParsedOptions {
  /** Name of the command. */
  readonly command: string;
  /** What was given, by name: `true` for an option without a value. */
  readonly given: ReadonlyMap<string, ReadonlyArray<string | true>>;
  text(name: string): string | undefined;
  /** All values of an option that may be given several times. */
  texts(name: string): readonly string[];
  /** A whole number, or undefined where the option was not given and has no default. */
  integer(name: string): number | undefined;
  has(name: string): boolean;
  /** What was given for an operand: all that a command declares are there. An optional one may be empty. */
  operand(name: string): string;
}

export function helpOf(command: Command, summary: string): string {
  const { name, options, operands = [], optionalOperand } = command;
  const rows = Object.entries(options).map(([option, { value, help, default: fallback }]) => [
    `--${option}${value === undefined ? '' : ` ${value}`}`,
    fallback === undefined ? help : `${help} (default ${fallback})`,
  ]);
  const optional = optionalOperand === undefined ? [] : [`[${optionalOperand}]`];
  const usage = ['ferry', name, ...operands, ...optional, '[options]'].join(' ');
  return [`Usage: ${usage}`, '', summary, '', ...listed(rows)].join('\n');
}
