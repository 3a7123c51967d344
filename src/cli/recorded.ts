// Each run of a command that changes data leaves a line in the history, however it ends. What cannot be written there is
// said, and changes nothing else.

import type { Sides } from '../aws/access.ts';
import { systemClock } from '../aws/system-clock.ts';
import { givenName } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import { countsOf, errorName, type Outcome, optionsOf } from '../history/entry.ts';
import type { ParsedOptions } from './command.ts';
import { EXIT, type Io } from './output.ts';
import { exitCodeOf, isInterruption } from './service-errors.ts';

/** What the line says beside its counts. */
interface Recorded {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
}

interface Noted extends Recorded {
  /** Takes what the run has found or done so far. */
  readonly note?: (facts: object) => void;
}

interface Ending {
  readonly outcome: Outcome;
  readonly error?: string;
}

/** Runs a command, and records it if it has `--apply`: one that was used wrongly has changed nothing. */
export async function recorded(
  call: Recorded,
  run: (call: Noted) => Promise<number>,
): Promise<number> {
  if (!call.options.has('apply')) return run(call);
  const begun: Begun = { startedAt: timeNow(), facts: {} };
  const note = (facts: object) => void Object.assign(begun.facts, facts);
  try {
    const code = await run({ ...call, note });
    await record(call, begun, { outcome: outcomeOf(code, call) });
    return code;
  } catch (error) {
    if (!(error instanceof UsageError)) await record(call, begun, endingOf(error, call));
    throw error;
  }
}

interface Begun {
  readonly startedAt: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

const timeNow = () => new Date(systemClock.now()).toISOString();

function outcomeOf(code: number, { io }: Recorded): Outcome {
  if (code === EXIT.done) return 'done';
  if (io.interrupted.aborted) return 'stopped';
  return code === EXIT.differences ? 'left' : 'failed';
}

function endingOf(error: unknown, { io }: Recorded): Ending {
  if (isInterruption(error, io)) return { outcome: 'stopped' };
  const outcome = exitCodeOf(error) === EXIT.differences ? 'left' : 'failed';
  return { outcome, error: errorName(error) };
}

async function record(call: Recorded, { startedAt, facts }: Begun, ending: Ending): Promise<void> {
  const { options, io, replication, sides } = call;
  // Loaded for the few commands that need it.
  const { callerAt, historyHomes, keepInHistory } = await import('../composition/history.ts');
  const found = historyHomes(replication, sides, io.environment);
  const homes = options.has('source-lost') ? found.toReversed() : found;
  const { direction, result } = facts;
  const problem = await keepInHistory(
    {
      startedAt,
      endedAt: timeNow(),
      by: await callerAt(homes),
      command: options.command,
      replication: givenName(replication),
      ...(typeof direction === 'string' && { direction }),
      options: optionsOf(options.given),
      counts: countsOf(facts),
      ...ending,
      ...(typeof result === 'string' && { result }),
    },
    homes,
  );
  if (problem === undefined) return;
  io.err(`This run is not in the history of ${givenName(replication)}: ${problem}.`);
}
