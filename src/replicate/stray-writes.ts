// Records of a table while it was the twin -> how each ends: own or stray. Deletes are looked up in the ledger beside
// the table, a hundred rows a request.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { deletedIn } from '../model/ledger-row.ts';
import { authorOf, isRemembered, oldVersion } from '../model/stray.ts';
import { classifyFailure } from '../model/write-failure.ts';
import type { Outcome } from '../model/outcome.ts';
import type { StreamRules } from '../model/rules.ts';
import type { StreamRecord } from '../model/stream-record.ts';
import type { DestinationHealth } from './destination-health.ts';
import { type LedgerContext, ledgerRows } from './ledger-rows.ts';

/** The ledger is that of the other direction, whose writes these are: it is beside the table. */
export interface StrayContext extends LedgerContext {
  readonly rules: StreamRules;
  readonly health: DestinationHealth;
}

/** A record and what Lambda delivered of it. */
export interface Delivered {
  readonly record: StreamRecord;
  readonly raw: unknown;
}

/** @returns the ends in the order of `delivered`. What could not be looked up is unfinished. Never rejects. */
export async function endsOfOwn(
  delivered: readonly Delivered[],
  context: StrayContext,
): Promise<Outcome[]> {
  const authors = delivered.map(({ record, raw }) => authorOf(record, raw, context.rules));
  const removed = delivered.flatMap(({ record: { keyText } }, index) =>
    authors[index] === 'deleter' ? [keyText] : [],
  );
  try {
    // Each delete has been remembered before its record was.
    const rows = await ledgerRows(new Set(removed), [LEDGER_ATTRIBUTES.deleted], context);
    return delivered.map(({ record, raw }, index): Outcome => {
      if (authors[index] !== 'deleter')
        return { kind: authors[index] === 'ferry' ? 'own' : 'stray' };
      const before = oldVersion(raw, context.rules.reservedAttribute);
      return { kind: isRemembered(before, deletedIn(rows.get(record.keyText))) ? 'own' : 'stray' };
    });
  } catch (error) {
    const { kind, name } = classifyFailure(error);
    context.health.noteError(`stray look-up: ${name}`);
    return delivered.map(() => ({ kind: 'unfinished', why: kind }));
  }
}
