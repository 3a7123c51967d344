// The records of a batch that were not made at home, settled before anything is written: Ferry's own, of which inserts
// are looked at, and strays. All others are replicated as in one direction.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { versionIn } from '../model/guard.ts';
import { type HomeVerdict, homeVerdict } from '../model/home-verdict.ts';
import { deletedIn } from '../model/ledger-row.ts';
import type { Loser } from '../model/loser.ts';
import { removeBelow } from '../model/near-request.ts';
import type { Outcome } from '../model/outcome.ts';
import { oldImageOf } from '../model/projected-record.ts';
import { isRemembered, oldVersion } from '../model/stray.ts';
import type { ParsedRecord, StreamRecord } from '../model/stream-record.ts';
import type { HomeModeRules } from '../model/rules.ts';
import { classifyFailure } from '../model/write-failure.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import type { Item } from '../ports.ts';
import type { BatchRecord } from './control-keeper.ts';
import { keepLosers } from './keep-losers.ts';
import { ledgerRows } from './ledger-rows.ts';
import { type NearContext, nearOutcome, strayLoser } from './near.ts';
import { send } from './send.ts';

interface Foreign {
  readonly position: number;
  readonly record: StreamRecord;
  readonly raw: unknown;
  readonly verdict: Exclude<HomeVerdict, 'push'>;
}

const REMOVALS_AT_ONCE = 16;

/** Never rejects. */
export async function settleHome(
  parsed: readonly ParsedRecord[],
  raw: readonly unknown[],
  context: NearContext & { readonly twoWay: HomeModeRules },
): Promise<BatchRecord[]> {
  const foreign = foreignAmong(parsed, raw, context);
  const settled: BatchRecord[] = [...parsed];
  if (foreign.length === 0) return settled;
  const ends = await endsOf(foreign, context);
  for (const [index, { position, record }] of foreign.entries())
    settled[position] = { kind: 'settled', record, outcome: ends[index] as Outcome };
  return settled;
}

function foreignAmong(
  parsed: readonly ParsedRecord[],
  raw: readonly unknown[],
  { rules, twoWay }: NearContext & { readonly twoWay: HomeModeRules },
): Foreign[] {
  return parsed.flatMap(({ kind, record }, position) => {
    // What cannot be parsed is put aside, wherever its home is.
    if (kind === 'malformed') return [];
    const verdict = homeVerdict(record, raw[position], { ...rules, twoWay });
    return verdict === 'push' ? [] : [{ position, record, raw: raw[position], verdict }];
  });
}

async function endsOf(foreign: readonly Foreign[], context: NearContext): Promise<Outcome[]> {
  const asked = foreign.flatMap(({ verdict, record }) =>
    verdict === 'check' || verdict === 'deleter' ? [record.keyText] : [],
  );
  try {
    // Each delete has been remembered before its record was, and before an insert that came late.
    const rows = await ledgerRows(new Set(asked), [LEDGER_ATTRIBUTES.deleted], context);
    const ends: Outcome[] = Array.from({ length: foreign.length });
    const tasks = foreign.map((one, index) => async () => {
      ends[index] = await endOf(one, rows.get(one.record.keyText), context);
    });
    await inParallel(tasks, REMOVALS_AT_ONCE);
    return await withStraysKept(foreign, ends, context);
  } catch (error) {
    const { kind, name } = classifyFailure(error);
    context.health.noteError(name);
    return foreign.map(() => ({ kind: 'unfinished', why: kind }));
  }
}

async function endOf(
  { verdict, record, raw }: Foreign,
  row: Item | undefined,
  context: NearContext,
): Promise<Outcome> {
  const { rules, near } = context;
  switch (verdict) {
    case 'ferry':
      return { kind: 'own' };
    case 'application':
      return { kind: 'stray' };
    case 'deleter':
      return isRemembered(oldVersion(raw, rules.reservedAttribute), deletedIn(row))
        ? { kind: 'own' }
        : { kind: 'stray' };
    case 'check': {
      const held = 'newImage' in record && versionIn(record.newImage[rules.reservedAttribute]);
      const deleted = deletedIn(row);
      if (deleted === undefined || !held || deleted <= held) return { kind: 'own' };
      return nearOutcome(await send(removeBelow(record.key, deleted, near), context), {
        written: { kind: 'own', isRevenant: true },
        refused: { kind: 'own' },
      });
    }
  }
}

async function withStraysKept(
  foreign: readonly Foreign[],
  ends: readonly Outcome[],
  context: NearContext,
): Promise<Outcome[]> {
  if (context.rules.twoWay?.losers !== 'keep') return [...ends];
  const strays = new Map<number, Loser>();
  for (const [index, { record, raw }] of foreign.entries())
    if (ends[index]?.kind === 'stray')
      strays.set(index, strayLoser(record, oldImageOf(raw), context.rules));
  return keepLosers(strays, ends, context);
}
