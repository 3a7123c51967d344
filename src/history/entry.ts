// One line of the history: who has changed what, with which options, how much, and how it ended. It has names, counts
// and times only: no item, and no key of one.

import { FerryError } from '../errors.ts';
import { formatProblem, STORED_FORMAT } from '../model/stored-format.ts';

/** `left`: it has ended, and left something undone. `stopped`: by Ctrl-C. */
export type Outcome = 'done' | 'left' | 'failed' | 'stopped';

/** By the names that `--json` has for them. */
export type Counts = Readonly<Record<string, number | Readonly<Record<string, number>>>>;

/** As they were given: `true` for one without a value. */
export type GivenOptions = Readonly<Record<string, true | string>>;

export interface HistoryEntry {
  /** ISO 8601, in UTC. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** ARN of the caller, or of the function. */
  readonly by: string;
  /** As people type it, without options: `redrive`. Of a function, what it did. */
  readonly command: string;
  /** As the configuration names it. */
  readonly replication: string;
  /** Of a replication that can be switched, where the command worked in one. */
  readonly direction?: string | undefined;
  readonly options: GivenOptions;
  readonly counts: Counts;
  readonly outcome: Outcome;
  /** Of a switch: how it ended, in one word. */
  readonly result?: string | undefined;
  /** Of what ended it, as `errorName` has it. */
  readonly error?: string | undefined;
  /** Of Ferry. */
  readonly version: string;
}

/** The code of an error, or its name: its message may have an item. */
export function errorName(error: unknown): string {
  if (error instanceof FerryError) return error.code;
  return error instanceof Error ? error.name : 'unexpected';
}

/** Fields are added, never renamed: later releases read it for as long as it is kept. */
export function historyLine(entry: HistoryEntry): string {
  return JSON.stringify({ format: STORED_FORMAT, ...entry });
}

export type ParsedLine =
  | { readonly kind: 'entry'; readonly entry: HistoryEntry }
  | { readonly kind: 'unreadable'; readonly problem: string };

export function parseHistoryLine(line: string): ParsedLine {
  const { format, ...entry } = objectIn(line);
  const problem = format === undefined ? 'it is not a line of Ferry' : formatProblem(format);
  if (problem !== undefined) return { kind: 'unreadable', problem };
  const lacking = TEXTS.find((name) => typeof entry[name] !== 'string');
  if (lacking !== undefined) return { kind: 'unreadable', problem: `it has no "${lacking}"` };
  const { options, counts } = entry;
  const whole = { ...entry, options: options ?? {}, counts: counts ?? {} };
  return { kind: 'entry', entry: whole as unknown as HistoryEntry };
}

const TEXTS = ['startedAt', 'endedAt', 'by', 'command', 'replication', 'outcome'] as const;

function objectIn(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** Of what a command prints with `--json`: its numbers, and the lengths of lists that are counted in no other field. */
export function countsOf(facts: object): Counts {
  const counts = Object.entries(facts).map(([name, value]) => [name, countIn(name, value)]);
  return Object.fromEntries(counts.filter(([, count]) => count !== undefined)) as Counts;
}

const LISTS: readonly string[] = [
  'deleted',
  'left',
  'letters',
  'rejected',
  'enabledMappings',
  'disabledMappings',
];
/** Their names are names of errors. Of any other object, a name or a number could be of an item. */
const GROUPS: readonly string[] = ['reasons', 'failures'];

function countIn(name: string, value: unknown): Counts[string] | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (Array.isArray(value)) return LISTS.includes(name) ? value.length : undefined;
  if (typeof value !== 'object' || value === null || !GROUPS.includes(name)) return undefined;
  const counts = Object.entries(value).filter(([, count]) => typeof count === 'number');
  return counts.length === 0 ? undefined : (Object.fromEntries(counts) as Record<string, number>);
}

/** They say where a command works, and how it prints. */
const OF_EVERY_CALL: readonly string[] = ['apply', 'config', 'deployed', 'json', 'replication'];
/** A list of names to delete can be long, and CloudWatch Logs takes a line of up to 1 MB. */
const VALUE_LENGTH_MAX = 1_000;

/** Without the key of an item: that one was named is enough. */
export function optionsOf(
  given: Iterable<readonly [name: string, values: ReadonlyArray<string | true>]>,
): GivenOptions {
  const options: Record<string, true | string> = {};
  for (const [name, values] of given) {
    if (OF_EVERY_CALL.includes(name)) continue;
    const isHidden = name === 'key' || values.includes(true);
    options[name] = isHidden ? true : values.join(',').slice(0, VALUE_LENGTH_MAX);
  }
  return options;
}

/**
 * From what time to what time lines are read at once, the newest first: a log group is read forwards, and mostly its
 * last lines are wanted.
 */
export function* historyWindows(
  sinceMs: number,
  nowMs: number,
): Generator<readonly [fromMs: number, toMs: number]> {
  let toMs = nowMs + AHEAD_MS;
  for (const days of [1, 7, 30, 90, Infinity]) {
    const fromMs = Math.max(sinceMs, nowMs - days * DAY_MS);
    if (fromMs < toMs) yield [fromMs, toMs];
    toMs = Math.min(fromMs, toMs);
  }
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** By so much, the clock of another operator may be ahead: CloudWatch Logs takes no line from further on. */
const AHEAD_MS = 2 * 60 * 60 * 1000;
