// What a repair has done, or would do: the items and what becomes of each, for people or for machines.

import type { ReplicationConfig } from '../config/config.ts';
import { itemAsJson, itemJson } from '../model/attribute-value.ts';
import type { RepairedItem, RepairReport } from '../verify/repair.ts';
import { alignedRows, counted, grouped, type Io } from './output.ts';

/** The first items of either sort, so that what is left is not lost among what is repaired. */
export interface ItemList {
  add(item: RepairedItem): void;
  readonly repaired: readonly RepairedItem[];
  readonly others: readonly RepairedItem[];
}

/** @param limit items of either sort at most. */
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

export interface Repaired {
  readonly io: Io;
  readonly replication: ReplicationConfig;
  readonly apply: boolean;
  readonly json: boolean;
  readonly report: RepairReport;
  readonly items: ItemList;
}

export function printRepaired(repaired: Repaired): void {
  const { io, replication, apply, report } = repaired;
  if (repaired.json) {
    io.out(jsonOf(repaired));
    return;
  }
  io.out(
    `${replication.name}: ${counted(report.looked, 'item')} listed${apply ? '' : ', of which none was touched'}`,
  );
  const rows = [
    ['equal by now', grouped(report.equal)],
    [apply ? 'written' : 'to be written', grouped(report.put)],
    [apply ? 'deleted' : 'to be deleted', grouped(report.deleted)],
    ['in flight', grouped(report.inFlight)],
    [apply ? 'left' : 'to be left', grouped(report.left)],
  ] as const;
  for (const line of [...alignedRows(rows), ...itemLines(repaired)]) io.out(line);
  if (!apply && report.put + report.deleted > 0)
    io.out('With --apply it does so, wherever nothing newer is.');
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
      return `in flight ${key}: it keeps changing, and the stream is at work on it`;
    case 'left':
      return `${words.left} ${key}: ${item.why}`;
  }
}

function jsonOf({ replication, apply, report, items }: Repaired): string {
  const { repaired, others } = items;
  const all = [...repaired, ...others].map((item) => ({ ...item, ...plainKey(item) }));
  const leftKeys = others.flatMap((item) =>
    item.kind === 'left' ? [{ ...plainKey(item), why: item.why }] : [],
  );
  return JSON.stringify({ replication: replication.name, apply, ...report, items: all, leftKeys });
}

/** With bytes as base64 text. */
function plainKey({ key }: RepairedItem) {
  return { key: itemAsJson(key) };
}
