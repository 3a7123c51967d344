// What goes wrong in `ferry local --faults`, when, and what it is good for: told as it happens.

import type { Clock } from '../../ports.ts';
import type { Fault } from './faults.ts';
import type { LocalWorld } from '../run/local-world.ts';

interface Chapter {
  /** Shares of the workload's duration. */
  readonly from: number;
  readonly to: number;
  readonly begins: string;
  readonly ends: string;
  readonly fault: Fault | 'crash';
}

/** Text in about a tenth of the workload's puts. */
export const POISON_MARKER = '"b7"';

/** The outage comes last: after it, the function waits out requests whose fate it cannot know. */
const CHAPTERS: readonly Chapter[] = [
  {
    from: 0.1,
    to: 0.2,
    begins: 'throttling: the destination refuses every second write',
    ends: 'throttling is over: what was refused has been tried again, or waits in the stream',
    fault: { kind: 'throttle', share: 0.5 },
  },
  {
    from: 0.3,
    to: 0.5,
    begins: 'poison: the destination rejects items tagged b7, for ever as far as anybody can tell',
    ends: 'poison is over: its cause is fixed; the dead letters wait for a redrive',
    fault: { kind: 'poison', marker: POISON_MARKER },
  },
  {
    from: 0.55,
    to: 0.56,
    begins: 'crash: the function is killed in the middle of whatever it does',
    ends: 'crash is over: the batch is delivered again, and the guard absorbs what was done already',
    fault: 'crash',
  },
  {
    from: 0.65,
    to: 0.85,
    begins: 'outage: the destination is gone',
    ends: 'outage is over: the stream has kept everything, and no dead letter was written for it',
    fault: { kind: 'outage' },
  },
];

export interface FaultStoryOptions {
  readonly world: LocalWorld;
  readonly clock: Clock;
  readonly durationMs: number;
  readonly stop: AbortSignal;
  readonly tell: (line: string) => void;
}

/** Plays all chapters, the last one at the latest when the workload ends. Takes every fault back. */
export async function playFaults(options: FaultStoryOptions): Promise<void> {
  const { clock, durationMs } = options;
  const startMs = clock.now();
  for (const chapter of CHAPTERS) {
    await sleepUntil(startMs + chapter.from * durationMs, options);
    if (options.stop.aborted) return;
    options.tell(chapter.begins);
    const takeBack = begin(chapter, options.world);
    await sleepUntil(startMs + chapter.to * durationMs, options);
    takeBack();
    options.tell(chapter.ends);
  }
}

function begin({ fault }: Chapter, { faults, lambda }: LocalWorld): () => void {
  if (fault !== 'crash') return faults.inject(fault);
  lambda.crash();
  return () => undefined;
}

const SLEEP_MS_MAX = 100;

async function sleepUntil(timeMs: number, { clock, stop }: FaultStoryOptions): Promise<void> {
  while (!stop.aborted && clock.now() < timeMs) {
    await clock.sleep(Math.min(SLEEP_MS_MAX, timeMs - clock.now()));
  }
}
