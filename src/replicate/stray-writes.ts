// Records of a table while it was the twin -> how each ends: own or stray. Deletes are looked up in the ledger beside
// the table, a hundred rows a request.

import { ledgerRowKey } from '../model/ledger-row.ts';
import { deletesIn, lookUpRequest } from '../model/look-up.ts';
import { LEDGER_ATTRIBUTES, TAIL_TIME_MS } from '../config/names.ts';
import { BATCH_KEYS_MAX } from '../model/read-request.ts';
import { authorOf, isRemembered, oldVersion } from '../model/stray.ts';
import { classifyFailure } from '../model/write-failure.ts';
import type { Version } from '../model/guard.ts';
import type { Outcome } from '../model/outcome.ts';
import type { StreamRules } from '../model/rules.ts';
import type { StreamRecord } from '../model/stream-record.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { repliesTo, retryInTime, TRIES_IN_TIME_MAX } from '../pacing/retry.ts';
import type { Clock, Item, Random } from '../ports.ts';
import type { DestinationHealth } from './destination-health.ts';
import type { CopyPlace } from './lease.ts';

export interface StrayContext {
  readonly rules: StreamRules;
  /** Of the other direction, whose writes these are: its ledger is beside the table. */
  readonly ledger: CopyPlace;
  readonly health: DestinationHealth;
  readonly clock: Clock;
  readonly random: Random;
  readonly remainingMs: () => number;
}

/** A record and what Lambda delivered of it. */
export interface Delivered {
  readonly record: StreamRecord;
  readonly raw: unknown;
}

const READS_AT_ONCE = 4;

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
    const deletedVersion = await deletesOf([...new Set(removed)], context);
    return delivered.map(({ record, raw }, index): Outcome => {
      if (authors[index] !== 'deleter')
        return { kind: authors[index] === 'ferry' ? 'own' : 'stray' };
      const before = oldVersion(raw, context.rules.reservedAttribute);
      return { kind: isRemembered(before, deletedVersion(record.keyText)) ? 'own' : 'stray' };
    });
  } catch (error) {
    const { kind, name } = classifyFailure(error);
    context.health.noteError(`stray look-up: ${name}`);
    return delivered.map(() => ({ kind: 'unfinished', why: kind }));
  }
}

/** Consistently read: each delete has been remembered before its record was. */
async function deletesOf(
  keyTexts: readonly string[],
  context: StrayContext,
): Promise<(keyText: string) => Version | undefined> {
  const { rules, reader } = context.ledger;
  const idOf = (keyText: string) => ledgerRowKey(rules, keyText);
  const found = new Map<string, Version>();
  const read = (rows: readonly Item[]) =>
    retryInTime(() => reader.read(lookUpRequest(rows, rules, true)), {
      ...context,
      leastMs: TAIL_TIME_MS,
    });
  const tasks = chunksOf(keyTexts.map(idOf)).map((rows) => async () => {
    const replies = repliesTo(rows, read, { ...context, triesMax: TRIES_IN_TIME_MAX });
    for await (const { items } of replies)
      for (const [id, version] of deletesIn(items)) found.set(id, version);
  });
  await inParallel(tasks, READS_AT_ONCE);
  return (keyText) => found.get(idOf(keyText)[LEDGER_ATTRIBUTES.id]?.S ?? '');
}

function chunksOf(rows: readonly Item[]): Item[][] {
  const count = Math.ceil(rows.length / BATCH_KEYS_MAX);
  return Array.from({ length: count }, (_, index) =>
    rows.slice(index * BATCH_KEYS_MAX, (index + 1) * BATCH_KEYS_MAX),
  );
}
