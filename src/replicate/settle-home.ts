// The records of a batch that were not made at home, settled before anything is written: Ferry's own, whose inserts
// are looked at, and strays. All others are replicated as in one direction.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { type Version, versionIn } from '../model/guard.ts';
import { type HomeVerdict, homeVerdict } from '../model/home-verdict.ts';
import { deletedIn } from '../model/ledger-row.ts';
import { removeBelow } from '../model/near-request.ts';
import type { Outcome } from '../model/outcome.ts';
import type { HomeModeRules } from '../model/rules.ts';
import { isRemembered, oldVersion } from '../model/stray.ts';
import type { ParsedRecord, StreamRecord } from '../model/stream-record.ts';
import { classifyFailure } from '../model/write-failure.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import type { Item } from '../ports.ts';
import type { BatchRecord } from './control-keeper.ts';
import { ledgerRows } from './ledger-rows.ts';
import { type NearContext, nearOutcome } from './near.ts';
import { send } from './send.ts';

interface Foreign {
  readonly position: number;
  readonly record: StreamRecord;
  readonly raw: unknown;
  readonly verdict: Exclude<HomeVerdict, 'push'>;
}

const REMOVALS_AT_ONCE = 16;

/** Never rejects. @param raw the records as Lambda delivered them. */
export async function settleHome(
  parsed: readonly ParsedRecord[],
  raw: readonly unknown[],
  context: NearContext & { readonly twoWay: HomeModeRules },
): Promise<BatchRecord[]> {
  const settled: BatchRecord[] = [...parsed];
  const settle = ({ position, record }: Foreign, outcome: Outcome) => {
    settled[position] = { kind: 'settled', record, outcome };
  };
  const asked: Foreign[] = [];
  for (const one of foreignAmong(parsed, raw, context))
    if (one.verdict === 'check' || one.verdict === 'deleter') asked.push(one);
    else settle(one, one.verdict === 'ferry' ? OWN : STRAY);
  try {
    // Each delete has been remembered before its record was, and before an insert that came late.
    const keyTexts = new Set(asked.map(({ record }) => record.keyText));
    const rows = await ledgerRows(keyTexts, [LEDGER_ATTRIBUTES.deleted], context);
    const tasks = asked.map((one) => async () => {
      settle(one, await endOf(one, rows.get(one.record.keyText), context));
    });
    await inParallel(tasks, REMOVALS_AT_ONCE);
  } catch (error) {
    const { kind, name } = classifyFailure(error);
    context.health.noteError(name);
    for (const one of asked) settle(one, { kind: 'unfinished', why: kind });
  }
  return settled;
}

const OWN: Outcome = { kind: 'own' };
const STRAY: Outcome = { kind: 'stray' };

function foreignAmong(
  parsed: readonly ParsedRecord[],
  raw: readonly unknown[],
  { rules, twoWay }: NearContext & { readonly twoWay: HomeModeRules },
): Foreign[] {
  const judging = { ...rules, twoWay };
  return parsed.flatMap(({ kind, record }, position) => {
    // What cannot be parsed is put aside, wherever its home is.
    if (kind === 'malformed') return [];
    const verdict = homeVerdict(record, raw[position], judging);
    return verdict === 'push' ? [] : [{ position, record, raw: raw[position], verdict }];
  });
}

async function endOf(
  { verdict, record, raw }: Foreign,
  row: Item | undefined,
  context: NearContext,
): Promise<Outcome> {
  const { reservedAttribute } = context.rules;
  const deleted = deletedIn(row);
  if (record.eventName === 'REMOVE' || verdict !== 'check')
    return isRemembered(oldVersion(raw, reservedAttribute), deleted) ? OWN : STRAY;
  const held = versionIn(record.newImage[reservedAttribute]) ?? '';
  return deleted === undefined || deleted <= held ? OWN : removeLate(record, deleted, context);
}

async function removeLate(
  { key }: StreamRecord,
  deleted: Version,
  context: NearContext,
): Promise<Outcome> {
  const result = await send(removeBelow(key, deleted, context.near), context);
  return nearOutcome(result, { written: { kind: 'own', isRevenant: true }, refused: OWN });
}
