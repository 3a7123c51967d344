// What a merge has done, or would do, with each item: for people or for machines.

import { itemAsJson, itemJson } from '../model/attribute-value.ts';
import { changedItems, type MergedItem, type MergeReport } from '../merge/merge-tables.ts';
import { SIDE_NAMES, SIDES } from '../merge/sides.ts';
import type { Origin } from '../model/rules.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { type Call, printResult, titleOf } from './call.ts';
import { grouped } from './output.ts';
import { figures, type Row } from './rows.ts';

/** The first changed items, and the first others, so that neither hides the other. */
export interface MergedList {
  add(item: MergedItem): void;
  readonly changed: readonly MergedItem[];
  readonly others: readonly MergedItem[];
}

/** @param limit of each of the two lists. */
export function mergedList(limit: number): MergedList {
  const changed: MergedItem[] = [];
  const others: MergedItem[] = [];
  return {
    changed,
    others,
    add(item) {
      const list = 'at' in item ? changed : others;
      if (list.length < limit) list.push(item);
    },
  };
}

interface Merged extends Call {
  readonly apply: boolean;
  readonly report: MergeReport;
  readonly items: MergedList;
}

export function printMerged(merged: Merged): void {
  const { apply, report, items } = merged;
  const all = [...items.changed, ...items.others];
  const listed = all.map((item) => ({
    ...item,
    key: itemAsJson(item.key),
    ...('at' in item && { at: item.at.map((side) => SIDE_NAMES[side]) }),
  }));
  printResult(merged, { apply, ...factsOf(report), items: listed }, linesOf(merged));
}

/** For the history and for `--json`: numbers alone. */
export function factsOf({ compared, changed, ...counts }: MergeReport) {
  return {
    items: compared.items,
    destinationItems: compared.destinationItems,
    copiedToSource: changed.copied[1],
    copiedToDestination: changed.copied[2],
    removedAtSource: changed.removed[1],
    removedAtDestination: changed.removed[2],
    stampedAtSource: changed.stamped[1],
    stampedAtDestination: changed.stamped[2],
    expired: compared.expired,
    ...counts,
  };
}

function linesOf(merged: Merged): string[] {
  const { replication, apply, report } = merged;
  const { compared } = report;
  const compare = `${grouped(compared.items)} and ${grouped(compared.destinationItems)} items compared`;
  return [
    titleOf(replication),
    `${compare}.${apply ? '' : ' Nothing was changed.'}`,
    ...figures(rowsOf(merged)),
    ...itemLines(merged),
    ...endLines(merged),
  ];
}

function rowsOf({ replication, apply, report }: Merged): Row[] {
  const { changed, undecided, inFlight, left, compared } = report;
  const of = (done: string, dry: string, counts: Record<Origin, number>) =>
    SIDES.flatMap((side): Row[] =>
      counts[side] === 0
        ? []
        : [[`${apply ? done : dry} ${placeOf(side, replication)}`, grouped(counts[side])]],
    );
  return [
    ...of('copied to', 'to copy to', changed.copied),
    ...of('removed at', 'to remove at', changed.removed),
    ...of('given a version at', 'to give a version at', changed.stamped),
    ...(compared.expired > 0 ? [['expired on one side', grouped(compared.expired)] as Row] : []),
    ['undecided', grouped(undecided)],
    ['in flight', grouped(inFlight)],
    [apply ? 'left' : 'to leave', grouped(left)],
  ];
}

function placeOf(side: Origin, { source, destination }: ReplicationConfig): string {
  const { region, table } = side === 1 ? source : destination;
  return `${region}/${table}`;
}

function itemLines({ replication, apply, report, items }: Merged): string[] {
  const { changed, others } = items;
  const all = changedItems(report) + report.undecided + report.inFlight + report.left;
  const more = all - changed.length - others.length;
  const lines = [...changed, ...others].map((item) => lineOf(item, apply, replication));
  return [
    ...lines,
    ...(more <= 0 ? [] : [`and ${grouped(more)} more: --limit lists more of them.`]),
  ];
}

const DRY = { copied: 'copy to', removed: 'remove at', stamped: 'give a version at' } as const;
const DONE = { copied: 'copied to', removed: 'removed at', stamped: 'given a version at' } as const;

function lineOf(item: MergedItem, apply: boolean, replication: ReplicationConfig): string {
  const key = itemJson(item.key);
  switch (item.kind) {
    case 'copied':
    case 'removed':
    case 'stamped': {
      const at = item.at.map((side) => placeOf(side, replication)).join(' and ');
      const loss = item.losses === 0 ? '' : apply ? ': a write has lost' : ': a write loses';
      return `${(apply ? DONE : DRY)[item.kind]} ${at} ${key}${loss}`;
    }
    case 'undecided':
      return `undecided ${key}: both sides differ, and versions do not tell which one is newer`;
    case 'in-flight':
      return `in flight ${key}: it keeps changing, and the replication writes it`;
    case 'left':
      return `${apply ? 'left' : 'leave'} ${key}: ${item.why}`;
  }
}

function endLines(merged: Merged): string[] {
  const { apply, report } = merged;
  const { stamped } = report.changed;
  const travelling = stamped[1] + stamped[2];
  return [
    ...lossLines(merged),
    ...(apply && travelling > 0
      ? [
          `The streams carry the items with new versions: ${grouped(travelling)}. Run \`ferry verify\` when both directions have caught up.`,
        ]
      : []),
    ...(report.undecided > 0
      ? ['--newer-by ATTRIBUTE and --prefer SIDE decide what versions do not tell.']
      : []),
    ...(!apply && changedItems(report) > 0
      ? ['--apply makes these changes. It does not overwrite newer items.']
      : []),
  ];
}

/** No write disappears without being counted. */
function lossLines({ apply, report: { losses }, replication: { twoWay } }: Merged): string[] {
  if (losses === 0) return [];
  const [writes, are] = losses === 1 ? ['write', 'is'] : ['writes', 'are'];
  const what = `${grouped(losses)} ${writes} of applications ${apply ? 'lost' : 'would lose'}`;
  if (twoWay?.losers !== 'keep')
    return [
      `${what}. They are not kept ("losers": "count"): only point-in-time recovery has them.`,
    ];
  const kept = apply ? `${are} kept` : 'would be kept';
  return [`${what} and ${kept} for 30 days. \`ferry conflicts\` lists them.`];
}
