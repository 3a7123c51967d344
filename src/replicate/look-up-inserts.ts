// Lanes whose inserts are late -> what their ledger rows remember, a hundred rows a request, while other lanes
// are being written already.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { Lane, Run } from '../model/lanes.ts';
import { deletesIn, lookUpRequest } from '../model/look-up.ts';
import type { Version } from '../model/guard.ts';
import { BATCH_KEYS_MAX } from '../model/read-request.ts';
import { classifyFailure } from '../model/write-failure.ts';
import { ledgerRowKey } from '../model/ledger-row.ts';
import type { StreamRules } from '../model/rules.ts';
import type { TwinReader, Item } from '../ports.ts';
import type { DestinationHealth } from './destination-health.ts';
import { isYoung, type WriteContext } from './write-change.ts';

export interface LookUpContext {
  readonly rules: StreamRules;
  readonly twinReader: TwinReader;
  readonly health: DestinationHealth;
  /** When this batch was decided on, epoch milliseconds. */
  readonly decidedAtMs: number;
}

/** Begins to read at once. Without an answer it is undefined: a transaction checks the row again. */
export function lookUpInserts(
  lanes: readonly Lane[],
  context: LookUpContext,
): WriteContext['deletedVersion'] {
  if (context.rules.tombstones !== 'checked') return async () => undefined;
  const late = lanes.flatMap(({ runs }) => {
    const keyText = runs.some((run) => isLateInsert(run, context))
      ? runs[0]?.[0]?.keyText
      : undefined;
    return keyText ?? [];
  });
  const asked = new Map<
    string,
    { readonly id: string; readonly answer: Promise<Answer | undefined> }
  >();
  for (let from = 0; from < late.length; from += BATCH_KEYS_MAX) {
    const keyTexts = late.slice(from, from + BATCH_KEYS_MAX);
    const rows = keyTexts.map((keyText) => ledgerRowKey(context.rules, keyText));
    const answer = ask(rows, context);
    keyTexts.forEach((keyText, index) =>
      asked.set(keyText, { id: idOf(rows[index] ?? {}), answer }),
    );
  }
  return async (keyText) => {
    const { id = '', answer } = asked.get(keyText) ?? {};
    const { deletes, unanswered } = (await answer) ?? {};
    if (deletes === undefined || unanswered?.has(id) === true) return undefined;
    return deletes.get(id) ?? NEVER;
  };
}

function isLateInsert(run: Run, context: LookUpContext): boolean {
  const newest = run.at(-1);
  if (newest === undefined || newest.eventName === 'REMOVE') return false;
  return !isYoung(newest, context) && run.some(({ eventName }) => eventName === 'INSERT');
}

/** Below every version. */
const NEVER: Version = '';

interface Answer {
  /** Versions of deletes, by the ids of their rows. */
  readonly deletes: ReadonlyMap<string, string>;
  readonly unanswered: ReadonlySet<string>;
}

async function ask(
  rows: readonly Item[],
  { rules, twinReader, health }: LookUpContext,
): Promise<Answer | undefined> {
  try {
    const { items, unprocessed } = await twinReader.read(
      lookUpRequest(rows, rules, rules.arrival === 'any-order'),
    );
    return { deletes: deletesIn(items), unanswered: new Set(unprocessed.map(idOf)) };
  } catch (error) {
    health.noteError(`look-up: ${classifyFailure(error).name}`);
    return undefined;
  }
}

function idOf(row: Item): string {
  return row[LEDGER_ATTRIBUTES.id]?.S ?? '';
}
