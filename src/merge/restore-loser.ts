// Restores a write that has lost: reads what is there, decides, and writes only where the item is still as it was read.

import type { Version } from '../model/guard.ts';
import { send, type SendContext } from '../replicate/send.ts';
import type { FoundLoser } from './kept-losers.ts';
import { decideRestore, type RestoreDecision } from './restore.ts';
import { readSide, type MergeSide } from './sides.ts';
import { mergeUnique } from './unique.ts';

export type RestoreResult =
  | Exclude<RestoreDecision, { kind: 'restore' }>
  /** Of a dry run: it would be. */
  | { readonly kind: 'restore' | 'restored'; readonly version: Version }
  | { readonly kind: 'unfinished'; readonly why: string };

export interface RestoreContext extends Pick<SendContext, 'clock' | 'random' | 'remainingMs'> {
  /** That has lost. */
  readonly at: MergeSide;
  readonly epoch: number;
  /** Without it, nothing is changed. */
  readonly apply: boolean;
}

/** Each attempt fails only because the item has been written meanwhile. */
const ATTEMPTS_MAX = 5;

/** Safe to interrupt and to repeat: what is there already is not written again. @throws what a read throws. */
export async function restoreLoser(
  { loser, side }: FoundLoser,
  { at, epoch, apply, clock, random, remainingMs }: RestoreContext,
): Promise<RestoreResult> {
  const { rules, twinWriter, health } = at;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const state = await readSide(loser, at);
    const unique = mergeUnique(clock.now(), random);
    const decision = decideRestore({ loser, side, state, rules, epoch, unique });
    if (decision.kind !== 'restore') return decision;
    const { version, request } = decision;
    if (!apply) return { kind: 'restore', version };
    const end = await send(request, { twinWriter, health, clock, random, remainingMs });
    if (end.kind === 'written') return { kind: 'restored', version };
    if (end.kind === 'failed') return { kind: 'unfinished', why: end.failure.name };
    if (end.kind !== 'refused') return { kind: 'unfinished', why: end.kind };
  }
  return { kind: 'unfinished', why: 'the item keeps changing' };
}
