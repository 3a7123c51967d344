// `stranded list`, `replay` and `drop`: goes through everything that is kept of lost Regions, and counts what it is and
// what became of it.

import { canonicalKey } from '../model/attribute-value.ts';
import type { StrandedClass } from '../model/stranded-class.ts';
import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import {
  decide,
  isUndecided,
  strandedPlaces,
  strandedWrites,
  type StrandedWrite,
} from './stranded.ts';
import { writerTo } from './rejoin-repair.ts';
import { replayStranded, type ReplayResult } from './stranded-replay.ts';
import { release } from './tallying.ts';
import type { Item } from '../ports.ts';
import type { SwitchPorts } from './ports.ts';
import type { StrandedPlace, UnreadableLine } from './stranded-objects.ts';

export interface StrandedRequest {
  readonly action: 'list' | 'replay' | 'drop';
  /** Of `replay` and `drop`: without it, nothing is changed, and the outcomes say what would be done. */
  readonly apply: boolean;
  /** Of a single item. @default every stranded write that is undecided */
  readonly key?: Item | undefined;
}

export type StrandedOutcome = ReplayResult | { readonly kind: 'dropped' };

export interface StrandedReport extends Record<StrandedClass, number> {
  /** Not classed yet: the rejoin has not ended. */
  unclassed: number;
  /** Of those that the request is about: stranded or not classed, and still to be decided after this run. */
  undecided: number;
  replayed: number;
  dropped: number;
  /** Could not be replayed, or should not be without being chosen. */
  left: number;
  /** Lines that cannot be read. */
  unreadable: number;
}

export interface StrandedEvents {
  /** With the outcome of `replay` or `drop`. `place` is where its record is read. */
  readonly onWrite: (
    write: StrandedWrite,
    place: StrandedPlace,
    outcome?: StrandedOutcome,
  ) => Promise<void> | void;
  readonly onUnreadable: (line: UnreadableLine) => void;
}

/**
 * @param row the copy of the active side.
 * @throws LeaseLost where the replication is being switched, or what a request throws.
 */
export async function runStranded(
  request: StrandedRequest,
  { row, ports }: { readonly row: ControlRow; readonly ports: SwitchPorts },
  events: StrandedEvents,
): Promise<StrandedReport> {
  const report = newStrandedReport();
  const writer = writerTo(ports.target, newestEpoch(row).n, ports);
  const places = strandedPlaces(row, ports, (line) => {
    report.unreadable += 1;
    events.onUnreadable(line);
  });
  const { action, apply, key } = request;
  const keyText = key && canonicalKey(key);
  // Also one that was counted and never written: nothing is kept of it.
  if (action === 'drop' && apply && key !== undefined) await release(key, ports);
  for (const place of places)
    for await (const write of strandedWrites(place)) {
      ports.stop.throwIfAborted();
      report[write.class ?? 'unclassed'] += 1;
      if (keyText !== undefined && keyText !== write.keyText) continue;
      const outcome = await act(write, request, { place, ports, writer });
      count(report, write, outcome);
      await events.onWrite(write, place, outcome);
    }
  return report;
}

type Acting = Parameters<typeof replayStranded>[1];

/** @returns undefined where there is nothing to do about it. */
async function act(
  write: StrandedWrite,
  { action, apply, key }: StrandedRequest,
  acting: Acting,
): Promise<StrandedOutcome | undefined> {
  const chosen = key !== undefined;
  if (action === 'list' || (!chosen && !isUndecided(write))) return undefined;
  if (action === 'replay') return replayStranded(write, acting, { apply, chosen });
  // What the repair has not overwritten yet has not been listed.
  if (write.class === undefined) return { kind: 'left', why: 'the rejoin has not classed it yet' };
  const { bucket } = acting.place;
  if (apply) {
    await release(write.key, acting.ports);
    await decide(write, 'dropped', { bucket, nowMs: acting.ports.clock.now() });
  }
  return { kind: 'dropped' };
}

function count(
  report: StrandedReport,
  write: StrandedWrite,
  outcome: StrandedOutcome | undefined,
): void {
  const isDone = outcome !== undefined && outcome.kind !== 'left';
  if (isUndecided(write) && !isDone) report.undecided += 1;
  if (outcome?.kind === 'left') report.left += 1;
  else if (outcome?.kind === 'dropped') report.dropped += 1;
  else if (isDone) report.replayed += 1;
}

function newStrandedReport(): StrandedReport {
  const classes = { arrived: 0, stranded: 0, overtaken: 0, unclassed: 0 };
  return { ...classes, undecided: 0, replayed: 0, dropped: 0, left: 0, unreadable: 0 };
}
