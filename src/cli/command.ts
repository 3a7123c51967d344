// A command as data: its options, from which both parsing and help are made.

import { UsageError } from '../errors.ts';
import { readArguments } from './arguments.ts';
import type { Io } from './output.ts';

export interface OptionSpec {
  /** Shown in help for options that take a value; without it, the option is a switch. */
  readonly value?: string;
  readonly help: string;
  /** For whole numbers: the range that is accepted. */
  readonly range?: readonly [min: number, max: number];
  readonly default?: string;
}

export interface Command {
  readonly name: string;
  /** Names of what has to be given without an option, in order. @default none */
  readonly operands?: readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** @returns the exit code. */
  run(options: ParsedOptions, io: Io): Promise<number>;
}

/** The options of one call. Asking for one that the command does not declare is a bug. */
export interface ParsedOptions {
  text(name: string): string | undefined;
  /** A whole number, or undefined where the option was not given and has no default. */
  integer(name: string): number | undefined;
  has(name: string): boolean;
  /** What was given for an operand: all that a command declares are there. */
  operand(name: string): string;
}

/**
 * @throws UsageError `usage.options` for unknown options, missing values, options given twice, an argument
 *   too many and numbers out of range, all of them together.
 */
export function parseOptions(command: Command, args: readonly string[]): ParsedOptions {
  const { name, options, operands = [] } = command;
  const { values, positionals, problems } = readArguments(command, args);
  const text = (option: string) => {
    const value = values.get(option) ?? options[option]?.default;
    return typeof value === 'string' ? value : undefined;
  };
  const outOfRange = Object.entries(options).flatMap(([option, { range }]) => {
    const value = text(option);
    return range === undefined || value === undefined || isInRange(value, range)
      ? []
      : [`--${option} must be a whole number from ${range[0]} to ${range[1]}, got "${value}"`];
  });
  const all = [...problems, ...outOfRange];
  if (all.length > 0) throw usageError(name, all);
  return {
    text,
    integer: (option) => {
      const value = text(option);
      return value === undefined ? undefined : Number(value);
    },
    has: (option) => values.get(option) === true,
    operand: (operand) => positionals[operands.indexOf(operand)] ?? '',
  };
}

/** The help text of one command. */
export function helpOf({ name, options, operands = [] }: Command, summary: string): string {
  const labels = Object.entries(options).map(
    ([option, { value }]) => `--${option}${value === undefined ? '' : ` ${value}`}`,
  );
  const width = Math.max(0, ...labels.map((label) => label.length));
  const rows = Object.values(options).map(({ help, default: fallback }, index) => {
    const note = fallback === undefined ? '' : ` (default ${fallback})`;
    return `  ${labels[index]?.padEnd(width)}  ${help}${note}`;
  });
  const usage = ['ferry', name, ...operands, '[options]'].join(' ');
  return [`Usage: ${usage}`, '', summary, '', ...rows].join('\n');
}

function isInRange(value: string, [min, max]: readonly [number, number]): boolean {
  return /^-?\d+$/.test(value) && Number(value) >= min && Number(value) <= max;
}

function usageError(name: string, problems: readonly string[]): UsageError {
  const message = problems.join('; ');
  // Not the name of the command.
  const sentence = message.replace(/^there/, 'There');
  return new UsageError(`${sentence}.`, {
    code: 'usage.options',
    hint: `\`ferry ${name} --help\` lists the options.`,
  });
}
