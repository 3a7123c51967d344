// What a switch of the direction writes down of itself in the control row, and how that is stored.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { integerIn } from './stored-number.ts';

/** What a switch writes down of itself, in both copies of the row. */
export interface SwitchRecord {
  /** Of one run: another one that takes the switch over has another. */
  readonly id: string;
  /** The Region that is to be active. */
  readonly target: string;
  readonly step: SwitchStep;
  /** Who runs it, for people. */
  readonly by: string;
  /** Of the first run, epoch milliseconds. */
  readonly startedAtMs: number;
  /** From when on writes to the old active table were refused, epoch milliseconds. */
  readonly fencedAtMs?: number | undefined;
  /** Sequence numbers of the dead letters that the operator has accepted. */
  readonly letters: readonly string[];
  /** Keys that have been compared. */
  readonly keys: number;
  /** That the audit knows. */
  readonly total?: number | undefined;
}

/** In their order. `drained` is where `ferry drain` ends; `rejoining` is of a Region that was lost. */
const SWITCH_STEPS = [
  'claimed',
  'fenced',
  'audited',
  'closed',
  'opened',
  'drained',
  'rejoining',
] as const;
export type SwitchStep = (typeof SWITCH_STEPS)[number];

/** @returns `unreadable` where a part of it is missing. */
export function switchOf(
  value: AttributeValue | undefined,
): SwitchRecord | undefined | 'unreadable' {
  if (value === undefined) return undefined;
  const { id, target, step, by, startedAt, fencedAt, letters, keys, total } = value.M ?? {};
  const [startedAtMs, count] = [integerIn(startedAt), integerIn(keys)];
  const known = SWITCH_STEPS.find((one) => one === step?.S);
  if (id?.S === undefined || target?.S === undefined || by?.S === undefined) return 'unreadable';
  if (known === undefined || startedAtMs === undefined || count === undefined) return 'unreadable';
  const fencedAtMs = integerIn(fencedAt);
  return {
    id: id.S,
    target: target.S,
    step: known,
    by: by.S,
    startedAtMs,
    ...(fencedAtMs !== undefined && { fencedAtMs }),
    letters: (letters?.L ?? []).map(({ S = '' }) => S),
    keys: count,
    total: integerIn(total),
  };
}

export function switchItem(record: SwitchRecord): AttributeValue {
  const { id, target, step, by, startedAtMs, fencedAtMs, letters, keys, total } = record;
  return {
    M: {
      id: { S: id },
      target: { S: target },
      step: { S: step },
      by: { S: by },
      startedAt: { N: `${startedAtMs}` },
      ...(fencedAtMs !== undefined && { fencedAt: { N: `${fencedAtMs}` } }),
      letters: { L: letters.map((S) => ({ S })) },
      keys: { N: `${keys}` },
      ...(total !== undefined && { total: { N: `${total}` } }),
    },
  };
}
