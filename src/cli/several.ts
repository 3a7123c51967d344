// One command about several replications: a few at the same time, each with its result under its name, in the order of
// the file, and a total. One that fails does not stop the others.

import type { ReplicationConfig } from '../config/schema.ts';
import { FerryError } from '../errors.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { wrongOption } from './arguments.ts';
import { aboutReplication, exitCode, type GivenCall, type Work } from './call.ts';
import type { ParsedOptions } from './command.ts';
import { counted, countBar, EXIT, fitted, grouped, type Io } from './output.ts';
import { chosenReplications, optionsFor, withCommandsFor } from './replication.ts';
import { exitCodeOf, failureText, isInterruption } from './service-errors.ts';

export interface WorkOnSeveral extends Work {
  /** Options that cannot be meant for several replications. */
  readonly forOne: readonly string[];
}

/**
 * A replication has --workers of its own, which can use a whole core. The second one works while the first one waits:
 * for an answer, for its rate, or between two reads of a difference.
 */
const AT_ONCE = 2;

/**
 * Runs a command about the replications that its options name.
 * @returns the exit code; of several, the worst.
 * @throws FerryError where there is one, and UsageError before anything is begun.
 */
export async function onReplications(given: GivenCall, work: WorkOnSeveral): Promise<number> {
  const { options } = given;
  const replications = await chosenReplications(options);
  const [only, ...others] = replications;
  if (only !== undefined && others.length === 0) return aboutReplication(only, given, work);
  refuseForOne(work.forOne, { options, replications });
  return runOnEach(replications, given, work);
}

/** The same about replications that are chosen already, with a total in any case. */
export async function runOnEach(
  replications: readonly ReplicationConfig[],
  given: GivenCall,
  work: Work,
): Promise<number> {
  const { options, io } = given;
  const progress = progressOf(replications.length, io);
  const results: Result[] = [];
  let printed = 0;
  const tasks = replications.map((replication, index) => async () => {
    results[index] = await resultOf(replication, { ...given, work, progress });
    progress.end(replication.name);
    // Each as soon as those before it are printed.
    for (let next = results[printed]; next !== undefined; next = results[printed]) {
      printed += 1;
      printOne(next, given);
    }
  });
  await inParallel(tasks, options.integer('at-once') ?? AT_ONCE);
  return printTotal(results, given);
}

function refuseForOne(
  forOne: readonly string[],
  { options, replications }: { options: ParsedOptions; replications: readonly ReplicationConfig[] },
): void {
  const given = forOne.filter((name) => options.text(name) !== undefined);
  if (given.length === 0) return;
  throw wrongOption(
    `${given.map((name) => `--${name}`).join(' and ')} cannot be used for several replications.`,
    `Name one of them with --replication: ${replications.map(({ name }) => name).join(', ')}.`,
  );
}

interface Progress {
  readonly tell: (name: string, line: string) => void;
  readonly end: (name: string) => void;
}

/** On a terminal, one line for all. */
function progressOf(count: number, io: Io): Progress {
  const underWay = new Map<string, string>();
  let done = 0;
  const show = () => {
    const facts = [...underWay].map(([name, line]) => `${name}: ${line}`);
    io.status(fitted([countBar(done, count), ...facts], io));
  };
  return {
    tell(name, line) {
      underWay.set(name, line);
      show();
    },
    end(name) {
      underWay.delete(name);
      done += 1;
      show();
    },
  };
}

/** Room for the first figures of one replication. */
const PROGRESS_COLUMNS = 24;

interface Result {
  readonly name: string;
  readonly code: number;
  readonly lines: readonly string[];
  readonly error?: Readonly<{ code: string; message: string; hint?: string | undefined }>;
}

/** Never rejects. */
async function resultOf(
  replication: ReplicationConfig,
  { progress, work, ...given }: GivenCall & { readonly work: Work; readonly progress: Progress },
): Promise<Result> {
  const { name } = replication;
  const lines: string[] = [];
  const options = optionsFor(name, given.options);
  const io: Io = {
    ...given.io,
    out: (line) => lines.push(line),
    err: (line) => given.io.err(`${name}: ${withCommandsFor(options, line)}`),
    status: (line) => progress.tell(name, line),
    statusColumns: () => PROGRESS_COLUMNS,
  };
  try {
    io.interrupted.throwIfAborted();
    const code = await aboutReplication(replication, { options, io }, work);
    return { name, code, lines };
  } catch (error) {
    if (isInterruption(error, io)) return { name, lines, code: EXIT.differences, error: STOPPED };
    const failure = failureText(error);
    const code = error instanceof FerryError ? error.code : 'unexpected';
    const isLater = exitCodeOf(error) === EXIT.differences;
    const exit = isLater ? EXIT.differences : EXIT.failed;
    return { name, lines, code: exit, error: { code, ...failure } };
  }
}

const STOPPED = { code: 'stopped', message: 'Stopped before any work started.' };

function printOne({ name, lines, code, error }: Result, { options, io }: GivenCall): void {
  if (options.has('json')) {
    const facts = lines.map((line) => JSON.parse(line) as object);
    const whole = error === undefined ? facts : [{ replication: name, ...facts[0], error }];
    for (const one of whole) io.out(JSON.stringify(one));
    return;
  }
  const { message, hint } = error ?? {};
  const own = optionsFor(name, options);
  const all = [
    ...lines,
    ...(message === undefined ? [] : [code === EXIT.failed ? `failed: ${message}` : message]),
    ...(hint === undefined ? [] : [`Hint: ${hint}`]),
  ];
  io.out(name);
  for (const line of all) io.out(`  ${withCommandsFor(own, line)}`);
  io.out('');
}

/** @returns the worst exit code. */
function printTotal(results: readonly Result[], { options, io }: GivenCall): number {
  const namesOf = (wanted: number) =>
    results.filter(({ code }) => code === wanted).map(({ name }) => name);
  const done = namesOf(EXIT.done).length;
  const left = namesOf(EXIT.differences);
  const failed = namesOf(EXIT.failed);
  const named = (what: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${grouped(names.length)} ${what}: ${names.join(', ')}`];
  const parts = [
    ...(done === 0 ? [] : [`${grouped(done)} done`]),
    ...named('with differences or work left', left),
    ...named('failed', failed),
  ];
  const counts = { done, differences: left.length, failed: failed.length };
  io.out(
    options.has('json')
      ? JSON.stringify({ fleet: { replications: results.length, ...counts } })
      : `${counted(results.length, 'replication')}: ${parts.join('; ')}.`,
  );
  return failed.length > 0 ? EXIT.failed : exitCode(left.length === 0);
}
