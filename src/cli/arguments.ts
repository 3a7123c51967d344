// The arguments of one call -> the values of its options and operands, or everything that is wrong with them.

import { parseArgs } from 'node:util';
import { UsageError } from '../errors.ts';
import { nearestName } from '../text/nearest-name.ts';
import type { Command, ParsedOptions } from './command.ts';

/**
 * @throws UsageError `usage.options` for unknown options, missing values, options given twice, an argument
 *   too many and numbers out of range, all of them together.
 */
export function parseOptions(command: Command, args: readonly string[]): ParsedOptions {
  const { name, options } = command;
  const operands = operandsOf(command);
  const { values, positionals, problems } = readArguments(command, args);
  const text = (option: string) => {
    const [value = options[option]?.default] = values.get(option) ?? [];
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
    command: name,
    given: values,
    text,
    texts: (option) => (values.get(option) ?? []).filter((value) => typeof value === 'string'),
    integer: (option) => {
      const value = text(option);
      return value === undefined ? undefined : Number(value);
    },
    has: (option) => values.get(option)?.[0] === true,
    operand: (operand) => positionals[operands.indexOf(operand)] ?? '',
  };
}

function readArguments(command: Command, args: readonly string[]) {
  const values = new Map<string, ReadonlyArray<string | true>>();
  const positionals: string[] = [];
  /** Each a sentence without its full stop. */
  const problems = new Set<string>();
  for (const token of tokensOf(command, args)) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const earlier = values.get(token.name) ?? [];
    const problem = problemOf(token, { command, args, isThere: earlier.length > 0 });
    if (problem !== undefined) problems.add(problem);
    else values.set(token.name, [...earlier, token.value ?? true]);
  }
  const least = command.operands?.length ?? 0;
  const isWrong = positionals.length < least || positionals.length > operandsOf(command).length;
  // What stands behind an unknown option may be its value.
  if (problems.size === 0 && isWrong) problems.add(wrongOperands(command, positionals));
  return { values, positionals, problems: [...problems] };
}

function operandsOf({ operands = [], optionalOperand }: Command): readonly string[] {
  return optionalOperand === undefined ? operands : [...operands, optionalOperand];
}

function tokensOf({ options }: Command, args: readonly string[]) {
  const types = Object.fromEntries(
    Object.entries(options).map(([option, { value }]) => [
      option,
      { type: value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  const settings = { args: [...args], options: types, strict: false, tokens: true } as const;
  return parseArgs({ ...settings, allowPositionals: true }).tokens;
}

type OptionToken = Extract<ReturnType<typeof tokensOf>[number], { kind: 'option' }>;

interface Given {
  readonly command: Command;
  readonly args: readonly string[];
  /** Whether the option has been given before. */
  readonly isThere: boolean;
}

function problemOf(token: OptionToken, { command, args, isThere }: Given): string | undefined {
  const { index, name, value, inlineValue } = token;
  const { options } = command;
  if (!Object.hasOwn(options, name)) return unknownOption(args[index] ?? name, command);
  const wanted = options[name]?.value;
  if (wanted === undefined)
    return value === undefined ? undefined : `--${name} takes no value, got "${value}"`;
  if (value === undefined) return `--${name} needs ${wanted}, got nothing`;
  // A number may be negative; anything else that looks like an option is one.
  const isOption = !inlineValue && /^-\D/.test(value);
  if (isOption) return `--${name} needs ${wanted}, got the option ${value}`;
  if (value === '') return `--${name} needs ${wanted}, got ""`;
  return isThere && options[name]?.many !== true ? `--${name} is given twice` : undefined;
}

/** @param given as it was typed: parseArgs reads `-rate` as four options of one letter. */
function unknownOption(given: string, { name, options }: Command): string {
  const [typed = given] = given.split('=');
  if (FOR_SEVERAL.includes(typed) && options['replication'] !== undefined)
    return `ferry ${name} works on one replication, which --replication names, and has no option ${typed}`;
  const nearest = nearestName(typed.replace(/^-+/, ''), Object.keys(options));
  const meant = nearest === undefined ? '' : ` (did you mean --${nearest}?)`;
  return `there is no option ${typed}${meant}`;
}

/** Of some commands that other commands are used like. */
const FOR_SEVERAL: readonly string[] = ['--all', '--at-once'];

function wrongOperands(command: Command, given: readonly string[]): string {
  const { name, operands = [], optionalOperand } = command;
  if (optionalOperand !== undefined && given.length > operands.length)
    return `ferry ${name} takes only ${operandsOf(command).join(' and ')} beside its options, got "${given.join(' ')}"`;
  if (operands.length === 0) return `ferry ${name} takes only options, got "${given.join(' ')}"`;
  const got = given.length === 0 ? 'nothing' : `"${given.join(' ')}"`;
  return `ferry ${name} needs ${operands.join(' and ')}, got ${got}`;
}

function isInRange(value: string, [min, max]: readonly [number, number]): boolean {
  return /^-?\d+$/.test(value) && Number(value) >= min && Number(value) <= max;
}

function usageError(name: string, problems: readonly string[]): UsageError {
  const message = problems.join('; ');
  // Not the name of the command.
  const sentence = message.replace(/^there/, 'There');
  return wrongOption(`${sentence}.`, `\`ferry ${name} --help\` lists the options.`);
}

/** An option that cannot be used as it was given. */
export function wrongOption(message: string, hint: string, cause?: unknown): UsageError {
  return new UsageError(message, { code: 'usage.options', hint, cause });
}
