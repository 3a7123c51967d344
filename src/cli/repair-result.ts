// What a repair has done, or would do, with each item: for people or for machines.

import { givenName, otherName } from '../config/directions.ts';
import { itemAsJson, itemJson } from '../model/attribute-value.ts';
import type { RepairedItem, RepairReport } from '../verify/repair.ts';
import { type Call, printResult } from './call.ts';
import { counted, grouped } from './output.ts';
import { figures } from './rows.ts';

/** The first repaired items, and the first others, so that neither hides the other. */
export interface ItemList {
  add(item: RepairedItem): void;
  readonly repaired: readonly RepairedItem[];
  readonly others: readonly RepairedItem[];
}

/** @param limit of each of the two lists. */
export function itemList(limit: number): ItemList {
  const repaired: RepairedItem[] = [];
  const others: RepairedItem[] = [];
  return {
    repaired,
    others,
    add(item) {
      const list = isRepaired(item) ? repaired : others;
      if (list.length < limit) list.push(item);
    },
  };
}

function isRepaired({ kind }: RepairedItem): boolean {
  return kind === 'put' || kind === 'deleted';
}

export interface Repaired extends Call {
  readonly apply: boolean;
  readonly report: RepairReport;
  readonly items: ItemList;
  /** Listed items that are at home on the other side. */
  readonly elsewhere: number;
}

export function printRepaired(repaired: Repaired): void {
  printResult(repaired, factsOf(repaired), linesOf(repaired));
}

function linesOf(repaired: Repaired): string[] {
  const { replication, apply, report, elsewhere } = repaired;
  const listed = counted(report.looked, 'listed item');
  return [
    `${givenName(replication)}: ${listed}${apply ? '' : '. Nothing was changed.'}`,
    ...figures([
      ['equal now', grouped(report.equal)],
      [apply ? 'written' : 'to write', grouped(report.put)],
      [apply ? 'deleted' : 'to delete', grouped(report.deleted)],
      ['in flight', grouped(report.inFlight)],
      [apply ? 'left' : 'to leave', grouped(report.left)],
    ]),
    ...itemLines(repaired),
    ...(!apply && report.put + report.deleted > 0
      ? ['--apply makes these changes. It does not overwrite newer items.']
      : []),
    ...elsewhereLines(elsewhere, repaired),
  ];
}

function elsewhereLines(items: number, { replication, options }: Repaired): string[] {
  if (items === 0) return [];
  const { region } = replication.destination;
  const [were, them] = items === 1 ? ['item is', 'it'] : ['items are', 'them'];
  const command = `ferry repair --replication ${otherName(replication)} --report ${options.text('report')}`;
  return [`${grouped(items)} listed ${were} at home in ${region}: \`${command}\` repairs ${them}.`];
}

function itemLines({ apply, report, items }: Repaired): string[] {
  const { repaired, others } = items;
  const all = report.put + report.deleted + report.inFlight + report.left;
  const more = all - repaired.length - others.length;
  return [
    ...[...repaired, ...others].map((item) => lineOf(item, apply)),
    ...(more === 0 ? [] : [`and ${grouped(more)} more: --limit lists more of them.`]),
  ];
}

const DRY = { put: 'write', deleted: 'delete', left: 'leave' } as const;
const DONE = { put: 'written', deleted: 'deleted', left: 'left' } as const;

function lineOf(item: RepairedItem, apply: boolean): string {
  const key = itemJson(item.key);
  const words = apply ? DONE : DRY;
  switch (item.kind) {
    case 'put':
    case 'deleted': {
      const { kind, attributes } = item.difference;
      const which = attributes.length === 0 ? '' : ` in ${attributes.join(', ')}`;
      return `${words[item.kind]} ${key}: ${kind}${which}`;
    }
    case 'in-flight':
      return `in flight ${key}: it keeps changing, and the replication writes it`;
    case 'left':
      return `${words.left} ${key}: ${item.why}`;
  }
}

function factsOf({ replication, apply, report, items, elsewhere }: Repaired): object {
  const { repaired, others } = items;
  const all = [...repaired, ...others].map((item) => ({ ...item, ...plainKey(item) }));
  const leftKeys = others.flatMap((item) =>
    item.kind === 'left' ? [{ ...plainKey(item), why: item.why }] : [],
  );
  const home = replication.twoWay?.mode === 'home' ? { elsewhere } : {};
  return { apply, ...report, ...home, items: all, leftKeys };
}

/** With bytes as base64 text. */
function plainKey({ key }: RepairedItem) {
  return { key: itemAsJson(key) };
}
