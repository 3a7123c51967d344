// Classes the items that differed when a lost Region was back: once the way back has caught up, and before the repair,
// after which the slots of that Region say nothing any more.

import { canonicalKey } from '../model/attribute-value.ts';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { type Version, versionIn } from '../model/guard.ts';
import { ledgerRowKey } from '../model/ledger-row.ts';
import { classesKey, classLine, strandedClass } from '../model/stranded-class.ts';
import type { StrandedItem } from '../model/stranded.ts';
import { mapInParallel } from '../pacing/in-parallel.ts';
import { retry } from '../pacing/retry.ts';
import type { SwitchPorts, SwitchSide } from './ports.ts';
import {
  type KeptRecord,
  objectsOf,
  readItems,
  readRecords,
  type StrandedPlace,
} from './stranded-objects.ts';

const ITEMS_AT_ONCE = 16;

/**
 * What has been classed stays as it is: run again, it goes on where it was interrupted.
 * @param requireOwn throws where another run has taken over: it may have repaired what was looked at.
 * @returns how many items it has classed.
 */
export async function classStranded(
  place: StrandedPlace,
  ports: SwitchPorts,
  requireOwn: () => Promise<void>,
): Promise<number> {
  const done = new Set<string>();
  for await (const object of objectsOf(place, 'classes')) done.add(object);
  const records = await readRecords(place);
  let count = 0;
  for await (const object of objectsOf(place, 'compared')) {
    const key = classesKey(place.epoch, object);
    if (done.has(key)) continue;
    const items = [...(await readItems(object, place))];
    const lines = await mapInParallel(items, ITEMS_AT_ONCE, async ([line, item]) =>
      classLine({ line, class: await classOf(item, records, ports) }),
    );
    await requireOwn();
    await place.bucket.put(key, lines.join(''));
    count += lines.length;
  }
  return count;
}

async function classOf(
  item: StrandedItem,
  records: ReadonlyMap<string, KeptRecord>,
  ports: SwitchPorts,
) {
  const record = records.get(canonicalKey(item.key));
  const [active, lost] = await Promise.all([
    slotOf(item, ports.target, ports),
    slotOf(item, ports.old, ports),
  ]);
  return strandedClass(item, record, { active, lost });
}

/** The highest version that a side knows of an item. */
async function slotOf(
  { key }: StrandedItem,
  { table, ledger, rules }: SwitchSide,
  retries: SwitchPorts,
): Promise<Version | undefined> {
  const rowKey = ledgerRowKey(rules, canonicalKey(key));
  const item = await retry(() => table.get(key), retries);
  const row = await retry(() => ledger.get(rowKey), retries);
  const held = versionIn(item?.[rules.reservedAttribute]);
  const deleted = row?.[LEDGER_ATTRIBUTES.deleted]?.S;
  return [held, deleted].reduce((high, one) => ((one ?? '') > (high ?? '') ? one : high));
}
