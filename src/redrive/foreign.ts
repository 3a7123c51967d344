// Dead letters of a table whose items have homes -> those that are not replicated: strays, and Ferry's own, whose inserts
// are looked at. All others are redriven as in one direction.

import { homeSideOf } from '../model/home-side.ts';
import { homeVerdict } from '../model/home-verdict.ts';
import type { HomeModeRules } from '../model/rules.ts';
import type { BatchRecord } from '../replicate/control-keeper.ts';
import { keepLosers } from '../replicate/keep-losers.ts';
import { losersIn } from '../replicate/losers.ts';
import { type NearContext, nearContext } from '../replicate/near.ts';
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
  const { twoWay, withoutSource, clock, random, health, remainingMs } = context;
  if (twoWay?.rules.twoWay.mode !== 'home') return new Map();
  const home = { ...twoWay, home: twoWay.rules.twoWay };
  const near = nearContext({ ...home, clock, random }, home.home, { remainingMs, health });
  const records = withoutSource
    ? judgedAlone(letters, home)
    : await settleHome(
        letters.map(({ parsed }) => parsed),
        letters.map(({ record }) => record),
        { ...near, twoWay: home.home },
      );
  const settled = await keptEnds(records, letters, { ...home, near });
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

/** The Region of the source is lost: what Ferry has written there is not looked at. */
function judgedAlone(letters: readonly DeadLetter[], { rules, home }: Home): BatchRecord[] {
  return letters.map(({ parsed, record: raw }): BatchRecord => {
    if (parsed.kind !== 'record') return parsed;
    const { record } = parsed;
    const verdict = homeVerdict(record, raw, { ...rules, twoWay: home });
    if (verdict === 'push') return parsed;
    return {
      kind: 'settled',
      record,
      outcome: { kind: verdict === 'application' ? 'stray' : 'own' },
    };
  });
}

/** No letter is final before the stray in it is kept. */
async function keptEnds(
  records: readonly BatchRecord[],
  letters: readonly DeadLetter[],
  { rules, home, near }: Home & { readonly near: NearContext },
): Promise<Map<number, Redriven>> {
  const raw = letters.map(({ record }) => record);
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
