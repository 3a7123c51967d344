// The keys that a repair is about: those of a report. Where each item has a home, a direction repairs what is at home in
// its source.

import type { TablePair } from '../composition/table-pair.ts';
import { givenName, otherName } from '../config/directions.ts';
import type { Side } from '../config/identity.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { homeSideOf } from '../model/home-side.ts';
import type { Item } from '../ports.ts';
import type { Call } from './call.ts';
import { ITEMS_MAX, requireYes } from './large-change.ts';
import { grouped } from './output.ts';
import { keysOfReport } from './report-file.ts';

export interface ListingCall extends Call {
  readonly pair: Pick<TablePair, 'facts' | 'rules'>;
  /** Of the report. */
  readonly path: string;
}

/**
 * With `--apply`, counted before the first of them is repaired.
 * @throws UsageError where there are too many without --yes.
 */
export async function* agreedKeys(call: ListingCall, elsewhere: Elsewhere): AsyncGenerator<Item> {
  const keys = carriedKeys(call, elsewhere);
  const first: Item[] = [];
  while (call.options.has('apply') && first.length <= ITEMS_MAX) {
    const next = await keys.next();
    if (next.done === true) break;
    first.push(next.value);
  }
  if (first.length > ITEMS_MAX) await requireYes(call, await extentOf(first, keys, call));
  yield* first;
  yield* keys;
}

/** With --yes, the others are not read ahead: there may be millions. */
async function extentOf(first: readonly Item[], others: AsyncIterable<Item>, call: ListingCall) {
  let items = first.length;
  if (call.options.has('yes'))
    return { ...listed(items, call.replication), text: 'the report lists them' };
  for await (const _ of others) items += 1;
  return listed(items, call.replication);
}

/** Items of the report that are at home on the other side. */
export interface Elsewhere {
  items: number;
}

/** Where each item has a home, those whose home is the source: the other direction repairs the others. */
async function* carriedKeys(call: ListingCall, elsewhere: Elsewhere): AsyncGenerator<Item> {
  const { twoWay, ...rules } = call.pair.rules;
  for await (const key of listedKeys(call)) {
    const isCarried = twoWay?.mode !== 'home' || homeSideOf(key, { ...rules, twoWay }) === 'source';
    if (isCarried) yield key;
    else elsewhere.items += 1;
  }
}

/** With stamped writes, either side may be written. */
export function listed(items: number, { twoWay }: ReplicationConfig) {
  const tables: readonly Side[] =
    twoWay?.mode === 'stamped' ? ['source', 'destination'] : ['destination'];
  return { items, text: `the report lists ${grouped(items)}`, tables };
}

function listedKeys({ io, replication, direction, pair, path }: ListingCall) {
  const more = (why: string) => io.err(`${why} There may be more differences.`);
  return keysOfReport(path, {
    replication: givenName(replication),
    otherDirection: replication.twoWay && otherName(replication),
    direction,
    keys: pair.facts.source.keys,
    onUnfinished: () => more('The verify that wrote this report did not finish.'),
    onPartial: (scope) =>
      more(`This report covers only ${scope === 'sample' ? 'a sample' : 'one item'}.`),
  });
}
