// Findings about the stream of the source.

import { streamLabelMs } from '../model/guard.ts';
import { type Check, error, type Finding, nameOf, note, type Pair } from './finding.ts';
import { streamAnewCommands, streamOnCommand } from './stream-commands.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

export const STREAM_CHECKS: readonly Check[] = [streamOff, streamView, otherStream, streamAge];

function streamOff({ source }: Pair): Finding[] {
  if (source.stream !== undefined) return [];
  return error(
    'stream',
    `${nameOf(source)} has no stream.`,
    `Enable it with new images: \`${streamOnCommand(source)}\`.`,
  );
}

function streamView({ source: { stream, ...source } }: Pair): Finding[] {
  if (stream === undefined || stream.viewType.startsWith('NEW_')) return [];
  return error(
    'stream-view',
    `The stream of ${nameOf(source)} has the view type ${stream.viewType}.`,
    `Ferry writes whole items, so it needs new images. The view type of a stream cannot be changed. Disable the stream, and enable it again: \`${streamAnewCommands(source)}\`. The stream then has another ARN. Check first that no other consumer needs the old one.`,
  );
}

function otherStream({
  source: { stream, ...source },
  configuredStreamArn: named,
}: Pair): Finding[] {
  if (stream === undefined || named === undefined || named === stream.arn) return [];
  return error(
    'other-stream',
    `The configuration names the stream ${named}, but ${nameOf(source)} has the stream ${stream.arn}.`,
    'The stream was disabled and enabled again. Correct "streamArn", and deploy again.',
  );
}

function streamAge({ source, nowMs }: Pair): Finding[] {
  const madeMs = streamLabelMs(source.stream?.arn ?? '');
  if (madeMs === undefined) return [];
  const horizonMs = Math.max(madeMs, nowMs - DAY_MS);
  const since = new Date(horizonMs).toISOString();
  return note(
    'stream-age',
    `The stream has the changes since ${since}.`,
    'Items that were written before are not in the stream. When the replication is deployed, `ferry backfill` copies them.',
  );
}
