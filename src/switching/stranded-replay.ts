// Puts a stranded write back on the active side, as an application would: without a version of Ferry's, and only if every
// attribute that was read there is unchanged. What has been written there since is left for the operator to choose.

import type { WriteRequest } from '../model/write-request.ts';
import { contentDigest } from '../model/discrepancy.ts';
import { keyAttributeOf } from '../model/guard.ts';
import { withoutStamp } from '../model/twin-item.ts';
import { retry } from '../pacing/retry.ts';
import type { Item, TwinWriter } from '../ports.ts';
import { decide, type StrandedWrite } from './stranded.ts';
import type { StrandedPlace } from './stranded-objects.ts';
import type { SwitchPorts } from './ports.ts';

export interface ReplayOptions {
  /** Without it, nothing is changed: the answer says what would be done. */
  readonly apply: boolean;
  /** The operator has named this very item: also what the active side has overtaken, or written since. */
  readonly chosen: boolean;
}

export type ReplayResult =
  | { readonly kind: 'put' | 'deleted' }
  /** The active side has it already. */
  | { readonly kind: 'equal' }
  | { readonly kind: 'left'; readonly why: string };

const left = (why: string): ReplayResult => ({ kind: 'left', why });

/** Each attempt fails only because the item has changed since it was read. */
const ATTEMPTS_MAX = 5;

/**
 * Safe to interrupt and to repeat: what an earlier run has put there is not put there again.
 * @throws LeaseLost, or what a request throws.
 */
export async function replayStranded(
  write: StrandedWrite,
  { place, ports, writer }: { place: StrandedPlace; ports: SwitchPorts; writer: TwinWriter },
  options: ReplayOptions,
): Promise<ReplayResult> {
  const obstacle = obstacleTo(write, options);
  if (obstacle !== undefined || write.item === undefined) return left(obstacle ?? ARRIVED);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const there = await retry(() => ports.target.table.get(write.key), ports);
    const plan = planOf(write.item, there, { rules: ports.target.rules, ...options });
    if (plan.kind === 'left' || !options.apply) return plan;
    // A refusal may be of this run's own write, whose answer was lost: the next look finds it equal.
    if (plan.kind !== 'equal' && (await sent(plan.request, writer, ports)) === 'refused') continue;
    await decide(write, 'replayed', { bucket: place.bucket, nowMs: ports.clock.now() });
    return { kind: plan.kind };
  }
  return left('the item keeps changing');
}

const ARRIVED = 'it is on the active side already';

function obstacleTo(write: StrandedWrite, { chosen }: ReplayOptions): string | undefined {
  if (write.decision !== undefined) return `it was ${write.decision} before`;
  if (write.class === undefined) return 'the rejoin has not classed it yet';
  if (write.class === 'arrived') return ARRIVED;
  if (write.class === 'overtaken' && !chosen) return 'the active side has a newer write of it';
  return undefined;
}

async function sent(request: WriteRequest, writer: TwinWriter, ports: SwitchPorts) {
  return (await retry(() => writer.write(request), ports)).kind;
}

export type ReplayPlan =
  | { readonly kind: 'put' | 'deleted'; readonly request: WriteRequest }
  | { readonly kind: 'equal' }
  | { readonly kind: 'left'; readonly why: string };

type PlanRules = Pick<ReplayOptions, 'chosen'> & Pick<SwitchPorts['target'], 'rules'>;

/** @param there what the active side has now. */
export function planOf(
  { key, lost, active }: Pick<StrandedWrite['item'] & object, 'key' | 'lost' | 'active'>,
  there: Item | undefined,
  { rules, chosen }: PlanRules,
): ReplayPlan {
  const digest = (item: Item | undefined) => item && contentDigest(item, rules);
  if (digest(there) === digest(lost)) return { kind: 'equal' };
  if (!chosen && digest(there) !== digest(active))
    return { kind: 'left', why: 'the active side has written it since it was compared' };
  const condition = unchanged(there, key);
  if (condition === undefined)
    return { kind: 'left', why: `it has more than ${COMPARED_MAX} attributes to compare` };
  const place = { TableName: rules.destinationTable, ...condition };
  if (lost === undefined)
    return {
      kind: 'deleted',
      request: { operation: 'DeleteItem', input: { ...place, Key: { ...key } } },
    };
  const input = { ...place, Item: { ...withoutStamp(lost, rules) } };
  return { kind: 'put', request: { operation: 'PutItem', input } };
}

/** An expression may have 300 operators, and each attribute takes two. */
const COMPARED_MAX = 140;

/** Holds as long as every attribute of `there` is as it was read. */
function unchanged(there: Item | undefined, key: Item) {
  const names = { '#pk': keyAttributeOf(key) };
  if (there === undefined)
    return {
      ConditionExpression: 'attribute_not_exists(#pk)',
      ExpressionAttributeNames: names,
    };
  const others = Object.entries(there).filter(([name]) => !(name in key));
  if (others.length > COMPARED_MAX) return undefined;
  const terms = others.map((_, index) => `#a${index} = :a${index}`);
  const values = others.map(([, value], index) => [`:a${index}`, value] as const);
  return {
    ConditionExpression: ['attribute_exists(#pk)', ...terms].join(' AND '),
    ExpressionAttributeNames: {
      ...names,
      ...Object.fromEntries(others.map(([name], index) => [`#a${index}`, name])),
    },
    ...(others.length > 0 && { ExpressionAttributeValues: Object.fromEntries(values) }),
  };
}
