// What goes wrong in a run in both directions: throttling, a network that is not well, functions that are killed, and
// times in which one Region cannot reach the other.

import { crash, type ScheduledFault } from '../faults/fault-schedule.ts';
import type { Fault } from '../faults/faults.ts';
import type { BothDirections, LocalWorld } from '../run/local-world.ts';

/** An answer that is lost makes its batch wait for ten seconds. */
const NETWORK: readonly Fault[] = [
  { kind: 'slow', share: 0.1, ms: 50 },
  { kind: 'error', share: 0.002 },
  { kind: 'reset', share: 0.002 },
  { kind: 'late', share: 0.002, ms: 200 },
];

export const BOTH_FAULTS: ReadonlyArray<ScheduledFault<BothDirections>> = [
  {
    from: 0.05,
    to: 0.2,
    begins: 'throttling: both tables refuse every fifth write of the functions',
    ends: 'throttling is over',
    begin: (both) => disturb(worldsOf(both), [{ kind: 'throttle', share: 0.2 }]),
  },
  {
    from: 0.25,
    to: 0.26,
    begins:
      'crash: the function of the first direction is killed in the middle of whatever it does',
    ends: 'crash is over: its batch is delivered again',
    begin: ({ outward }) => crash(outward.lambda),
  },
  {
    from: 0.3,
    to: 0.4,
    begins: 'network: some requests fail, some answers are lost, and some requests arrive late',
    ends: 'network is well again',
    begin: (both) => disturb(worldsOf(both), NETWORK),
  },
  {
    from: 0.45,
    to: 0.46,
    begins: 'crash: the function of the other direction is killed',
    ends: 'crash is over: its batch is delivered again',
    begin: ({ back }) => crash(back.lambda),
  },
  {
    from: 0.55,
    to: 0.65,
    begins: 'outage: the first Region cannot write to the other one; both go on',
    ends: 'outage is over: what has waited arrives, and meets what was written meanwhile',
    begin: ({ outward }) => outward.faults.inject({ kind: 'outage' }),
  },
  {
    from: 0.7,
    to: 0.85,
    begins: 'cut off: neither Region can write to the other one; both go on',
    ends: 'cut off no longer',
    begin: (both) => {
      const takeBacks = worldsOf(both).map(({ faults }) => faults.inject({ kind: 'outage' }));
      return () => takeBacks.forEach((takeBack) => takeBack());
    },
  },
];

const worldsOf = ({ outward, back }: BothDirections) => [outward, back];

/** On the way to both tables that a function writes. @returns what ends it. */
function disturb(worlds: readonly LocalWorld[], how: readonly Fault[]): () => void {
  const takeBacks = worlds.flatMap(({ faults, nearFaults }) =>
    how.flatMap((fault) => [faults, nearFaults].flatMap((proxy) => proxy?.inject(fault) ?? [])),
  );
  return () => takeBacks.forEach((takeBack) => takeBack());
}
