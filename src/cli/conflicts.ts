// `ferry conflicts`, `conflicts show` and `conflicts restore`: writes that have lost against the other Region, and writes
// that are not replicated.

import { systemClock } from '../aws/system-clock.ts';
import {
  conflictSums,
  type ConflictSums,
  openLosers,
  type OpenLosers,
  openSide,
  requireEpochAt,
} from '../composition/conflicts.ts';
import { retriesUntil } from '../composition/pair-work.ts';
import { LOSER_DAYS } from '../config/names.ts';
import { FerryError } from '../errors.ts';
import { whatHappened } from '../failures/what-happened.ts';
import { findLoser, type FoundLoser, listLosers } from '../merge/kept-losers.ts';
import { restoreLoser } from '../merge/restore-loser.ts';
import type { BySide } from '../merge/sides.ts';
import { canonicalKey } from '../model/attribute-value.ts';
import { exitCode, printResult, withOpen } from './call.ts';
import { type Command, numberOption, type OptionSpec } from './command.ts';
import {
  conflictsFacts,
  conflictsLines,
  loserFacts,
  loserLines,
  restoredLines,
} from './conflicts-result.ts';
import { keyFrom, keyOption } from './key-option.ts';
import { type BothCall, onBothDirections } from './merge-directions.ts';
import { pointInTime } from './point-in-time.ts';
import { replicationOptions } from './replication.ts';

export const conflictsCommand: Command = conflictsCommandOf('conflicts', [], list, {
  key: keyOption('only those of the item with this key'),
  since: {
    value: 'TIME',
    help: `only those after this time: 90m, 12h or 7d ago, or a date (default: all, up to ${LOSER_DAYS} days)`,
  },
  limit: numberOption('N', [1, 100_000], 'how many to show', 100),
});

export const conflictsShowCommand: Command = conflictsCommandOf('conflicts show', ['ID'], show, {});

export const conflictsRestoreCommand: Command = conflictsCommandOf(
  'conflicts restore',
  ['ID'],
  restore,
  { apply: { help: 'write it, if what has won is still there' } },
);

type LosersCall = BothCall & OpenLosers;

function conflictsCommandOf(
  name: string,
  operands: readonly string[],
  run: (call: LosersCall) => Promise<number>,
  options: Readonly<Record<string, OptionSpec>>,
): Command {
  return {
    name,
    operands,
    options: {
      ...replicationOptions,
      ...options,
      json: { help: 'print the result as one line of JSON' },
    },
    run: (given, io) =>
      onBothDirections(
        { options: given, io },
        {
          hint: HINT,
          run: (call) => withOpen(openLosers(call.directions), (open) => run({ ...call, ...open })),
        },
      ),
  };
}

const HINT = 'You can safely run the command again.';

async function list(call: LosersCall): Promise<number> {
  const { options, places, replication } = call;
  const key = keyFrom(options);
  const sinceMs = pointInTime('since', options);
  const limit = options.integer('limit') ?? 0;
  const keyText = key && canonicalKey(key);
  const found = await listLosers(places, { keyText, sinceMs, limit });
  const sums = replication.twoWay?.losers === 'keep' ? undefined : await sumsOf(call, sinceMs);
  printResult(call, conflictsFacts(found, sums), conflictsLines(found, { replication, sums }));
  return exitCode(true);
}

/** The list does not need them. */
async function sumsOf(
  { io, directions }: LosersCall,
  sinceMs: number | undefined,
): Promise<BySide<ConflictSums> | undefined> {
  const toMs = systemClock.now();
  const fromMs = sinceMs ?? toMs - LOSER_DAYS * DAY_MS;
  try {
    return await conflictSums(directions, { fromMs, toMs });
  } catch (error) {
    io.err(`The counts in CloudWatch are not known: ${whatHappened(error)}.`);
    return undefined;
  }
}

const DAY_MS = 24 * 60 * 60 * 1000;

async function show(call: LosersCall): Promise<number> {
  const found = await requireLoser(call);
  const { replication } = call;
  printResult(call, loserFacts(found), loserLines(found, replication));
  return exitCode(true);
}

/** @throws FerryError `conflicts.missing` or `conflicts.unreadable`. */
async function requireLoser({ options, places, replication }: LosersCall): Promise<FoundLoser> {
  const id = options.operand('ID');
  const found = await findLoser(id, places);
  if (found === undefined)
    throw new FerryError(`${replication.name} has kept no write with the ID ${id}.`, {
      code: 'conflicts.missing',
      hint: `\`ferry conflicts\` lists them. They are kept for ${LOSER_DAYS} days.`,
    });
  if ('loser' in found) return found;
  throw new FerryError(`The kept write ${id} cannot be read: ${found.problem}.`, {
    code: 'conflicts.unreadable',
    hint: 'A later release may have written it. Use the release that the function was deployed with.',
  });
}

/** @returns 3 where it was not restored. */
async function restore(call: LosersCall): Promise<number> {
  const { options, io, directions, replication } = call;
  const found = await requireLoser(call);
  const retries = retriesUntil(io.interrupted);
  const apply = options.has('apply');
  const epoch = replication.twoWay?.epoch ?? 1;
  await requireEpochAt(found, directions, retries);
  const result = await withOpen(
    Promise.resolve(openSide(found, directions, retries)),
    ({ side: at }) =>
      restoreLoser(found, { ...retries, at, epoch, apply, remainingMs: () => Infinity }),
  );
  const restored = Number(result.kind === 'restored');
  const facts = { apply, ...loserFacts(found), outcome: result.kind, restored };
  const why = 'why' in result ? { why: result.why } : {};
  printResult(call, { ...facts, ...why }, restoredLines(found, result, { replication, apply }));
  return exitCode(restored === 1 || result.kind === 'equal');
}
