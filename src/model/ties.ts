// Records of a batch that arrive in any order -> those that another one of the batch stands for: the same change once
// more, or another change of its item with the same time. Which of two such changes is later is not known: the first
// stays, and counted ties call for a verification.

import type { Item } from './attribute-value.ts';
import { findDiscrepancy } from './discrepancy.ts';
import { isLeftOut, isSkipped } from './lanes.ts';
import type { Outcome } from './outcome.ts';
import type { ProjectingRules, TwinRules } from './rules.ts';
import type { StreamRecord } from './stream-record.ts';

/** By their positions. */
export function tiesIn(
  records: readonly StreamRecord[],
  rules: ProjectingRules,
): Map<number, Outcome> {
  const first = new Map<string, StreamRecord>();
  const ties = new Map<number, Outcome>();
  for (const record of records) {
    // What is skipped stands for nothing.
    if (isSkipped(record, rules.ttlDeletes)) continue;
    const id = `${record.version} ${record.keyText}`;
    const earlier = first.get(id);
    if (earlier === undefined) first.set(id, record);
    else ties.set(record.position, outcomeBeside(earlier, record, rules));
  }
  return ties;
}

function outcomeBeside(earlier: StreamRecord, record: StreamRecord, rules: TwinRules): Outcome {
  return isSameChange(earlier, record, rules)
    ? { kind: 'coalesced' }
    : { kind: 'superseded', cause: 'tied' };
}

/** Of two with the same time. */
export function isSameChange(one: StreamRecord, other: StreamRecord, rules: TwinRules): boolean {
  // What the projection leaves out is not deleted.
  const isSame = one.eventName === other.eventName && isLeftOut(one) === isLeftOut(other);
  return isSame && leaves(other, contentOf(one), rules);
}

/** Whether a change leaves the twin with this content; undefined where there is no item. */
export function leaves(record: StreamRecord, content: Item | undefined, rules: TwinRules): boolean {
  return findDiscrepancy(contentOf(record), content, rules) === undefined;
}

function contentOf(record: StreamRecord): Item | undefined {
  return record.eventName === 'REMOVE' ? undefined : record.newImage;
}
