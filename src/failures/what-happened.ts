// An error -> what happened, in words that fit into a sentence about something else: work goes on without what failed.

import { failureStory } from './failure-story.ts';
import { describeError, FerryError, requestOf } from '../errors.ts';

/** Without a full stop; of a bug, its name and message. */
export function whatHappened(error: unknown): string {
  if (error instanceof FerryError) return withoutStop(error.message);
  const story = failureStory(error, { request: requestOf(error), roleOf: () => undefined });
  return story === undefined ? describeError(error) : withoutStop(story.happened);
}

function withoutStop(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
