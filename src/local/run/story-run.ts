// A story of both directions on one machine, with its page: opened, told to its end, and taken down again.

import { type LivePage, openLivePage } from '../page/live-page.ts';
import type { Cleanup } from './cleanup.ts';
import type { LocalWorldOptions } from './local-place.ts';
import { type BothDirections, startBothDirections } from './local-world.ts';
import type { LocalRunProgress } from './run-summary.ts';

export interface StoryOptions extends LocalWorldOptions {
  readonly writesPerSecond: number;
  /** Of writing. */
  readonly durationSeconds: number;
  readonly items: number;
  readonly seed: number;
  /** Ends the writing early. What has begun comes to its end, and the tables are compared. */
  readonly stop: AbortSignal;
  readonly pagePort?: number | undefined;
  readonly onStarted: (both: BothDirections, pageUrl: string) => void;
  readonly onProgress: (progress: LocalRunProgress) => void;
  /** A line of the story, for people. */
  readonly onStory: (line: string) => void;
}

interface Story<Summary> {
  /** Until it has ended. */
  readonly tell: () => Promise<Summary>;
  readonly progress: () => LocalRunProgress;
}

const PROGRESS_INTERVAL_MS = 500;

/** Runs until the story has ended, and leaves nothing behind, also when it fails. */
export async function storyRun<Summary>(
  options: StoryOptions,
  open: (both: BothDirections, page: LivePage, cleanups: Cleanup[]) => Story<Summary>,
): Promise<Summary> {
  const { clock, pagePort, onStarted, onProgress } = options;
  const cleanups: Cleanup[] = [];
  try {
    const page = await openLivePage({ clock, port: pagePort });
    cleanups.push(() => page.close());
    const both = await startBothDirections(options, cleanups);
    cleanups.push(() => page.freeze());
    onStarted(both, page.url);
    const story = open(both, page, cleanups);
    const timer = setInterval(() => onProgress(story.progress()), PROGRESS_INTERVAL_MS);
    cleanups.push(() => clearInterval(timer));
    const { outward, back } = both;
    const lost = [outward.source.lost, back.source.lost, outward.mapping.lost, back.mapping.lost];
    return await Promise.race([story.tell(), ...lost]);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

/** Says a line of a story to people and to its page. */
export function sayer({ clock, onStory }: StoryOptions, page: LivePage) {
  const startMs = clock.now();
  const seconds = () => (clock.now() - startMs) / 1000;
  const say = (line: string) => {
    onStory(`${seconds().toFixed(1).padStart(6)} s  ${line}`);
    page.refresh();
  };
  return { say, seconds };
}
