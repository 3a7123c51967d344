// Makes one item of the twin equal to the source, never over anything newer: reads twin and state row
// before the source, and writes only if both are still as they were read.

import { resynchronizationRequests } from '../core/resynchronization.ts';
import type { Version } from '../core/ordering-guard.ts';
import { type StateRowKey, stateRowKey, type WriteTarget } from '../core/write-request.ts';
import type { Item, ItemReader, LookAgainQueue } from '../ports.ts';
import { send, type SendContext } from './write-record.ts';

export interface ResynchronizationContext extends SendContext {
  readonly settings: WriteTarget;
  readonly source: ItemReader;
  readonly twin: ItemReader;
  readonly stateTable: ItemReader;
  /** Deletes are announced there, with "checked" tombstones. */
  readonly lookAgain: LookAgainQueue;
  /** The newest of the control row: announcements name it. */
  readonly epoch: number;
}

export type ResynchronizationResult =
  /** `changed` tells whether anything had to be written. */
  | { readonly kind: 'equal'; readonly changed: boolean }
  /** Something newer came by each time, or a request failed; another run may do better. */
  | { readonly kind: 'unfinished'; readonly why: string };

/** Each attempt fails only because a newer record was applied meanwhile. */
const ATTEMPTS_MAX = 10;

export interface KeyToResynchronize extends StateRowKey {
  /** Below every record of the source's stream. */
  readonly floor: Version;
  /** Asked before each attempt: whether the source is as the caller wants it. @default it always is */
  readonly isExpected?: (source: Item | undefined) => boolean;
}

/** @throws what a read throws; nothing has been written by the attempt then. */
export async function resynchronizeKey(
  item: KeyToResynchronize,
  context: ResynchronizationContext,
): Promise<ResynchronizationResult> {
  let changed = false;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const requests = await plan(item, context);
    if (requests === 'unexpected') return { kind: 'unfinished', why: 'the source has changed' };
    if (requests.length === 0) return { kind: 'equal', changed };
    let refused = false;
    for (const request of requests) {
      const result = await send(request, context);
      if (result.kind === 'failed') return { kind: 'unfinished', why: result.failure.name };
      if (result.kind === 'no-time' || result.kind === 'halted')
        return { kind: 'unfinished', why: result.kind };
      refused = result.kind === 'refused';
      if (refused) break;
      changed = true;
    }
    if (!refused) return { kind: 'equal', changed };
  }
  return { kind: 'unfinished', why: 'newer changes came by' };
}

async function plan(item: KeyToResynchronize, context: ResynchronizationContext) {
  const { settings, clock } = context;
  const twin = await context.twin.get(item.key);
  const stateRow = await context.stateTable.get(stateRowKey(settings, item.keyText));
  // Last: a change after this read has a stream record above what is written here, and will win.
  const source = await context.source.get(item.key);
  if (item.isExpected?.(source) === false) return 'unexpected';
  const states = { source, twin, stateRow };
  return resynchronizationRequests({ ...item, states, target: settings, nowMs: clock.now() });
}
