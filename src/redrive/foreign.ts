// Dead letters of a table whose items have homes -> those that are not replicated: strays, and Ferry's own, whose inserts
// are looked at. All others are redriven as in one direction.

import { homeSideOf } from '../model/home-side.ts';
import { homeVerdict } from '../model/home-verdict.ts';
import type { HomeModeRules } from '../model/rules.ts';
import { keepLosers } from '../replicate/keep-losers.ts';
import { losersIn } from '../replicate/losers.ts';
import { nearContext } from '../replicate/near.ts';
import { settleHome } from '../replicate/settle-home.ts';
import type { RecordContext, TwoWayRedrive } from './context.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { Redriven } from './outcome.ts';

type Home = TwoWayRedrive & { readonly home: HomeModeRules };

/** @returns of each letter that is not to be replicated, by position, what became of it. */
export async function settleForeign(
  letters: readonly DeadLetter[],
  context: RecordContext,
): Promise<ReadonlyMap<number, Redriven>> {
  const { twoWay } = context;
  if (twoWay?.rules.twoWay.mode !== 'home') return new Map();
  const home = { ...twoWay, home: twoWay.rules.twoWay };
  const settled = context.withoutSource
    ? judgedAlone(letters, home)
    : await settledByFunction(letters, home, context);
  for (const [position, { parsed }] of letters.entries())
    if (parsed.kind === 'malformed' && isElsewhere(parsed.record.key, home))
      settled.set(position, { kind: 'own' });
  return settled;
}

/** The item of a record that makes no sense is not read from the side that is not its home. */
function isElsewhere(
  key: DeadLetter['parsed']['record']['key'],
  { rules, home: twoWay }: Home,
): boolean {
  return key !== undefined && homeSideOf(key, { ...rules, twoWay }) === 'destination';
}

async function settledByFunction(
  letters: readonly DeadLetter[],
  { rules, home, nearSide }: Home,
  context: RecordContext,
): Promise<Map<number, Redriven>> {
  const { clock, random, health, remainingMs } = context;
  const raw = letters.map(({ record }) => record);
  const parsed = letters.map((letter) => letter.parsed);
  const near = nearContext({ rules, nearSide, clock, random }, home, { remainingMs, health });
  const records = await settleHome(parsed, raw, { ...near, twoWay: home });
  const outcomes = records.map((one) => (one.kind === 'settled' ? one.outcome : REPLAYED));
  const losers = home.losers === 'count' ? new Map() : losersIn(records, raw, { outcomes, rules });
  const ends = await keepLosers(losers, outcomes, near);
  return new Map(
    [...ends.entries()].flatMap(([position, end]) =>
      end === REPLAYED ? [] : [[position, redrivenAs(end)] as const],
    ),
  );
}

const REPLAYED = { kind: 'unfinished', why: 'behind' } as const;

function redrivenAs(end: { readonly kind: string; readonly why?: unknown }): Redriven {
  if (end.kind === 'stray' || end.kind === 'own') return { kind: end.kind };
  return { kind: 'unfinished', why: `source: ${String(end.why)}` };
}

/** The Region of the source is lost: what Ferry has written there is not looked at. */
function judgedAlone(letters: readonly DeadLetter[], { rules, home }: Home) {
  const settled = new Map<number, Redriven>();
  for (const [position, { parsed, record: raw }] of letters.entries()) {
    if (parsed.kind !== 'record') continue;
    const verdict = homeVerdict(parsed.record, raw, { ...rules, twoWay: home });
    if (verdict !== 'push')
      settled.set(position, { kind: verdict === 'application' ? 'stray' : 'own' });
  }
  return settled;
}
