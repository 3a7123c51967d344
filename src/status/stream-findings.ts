// Findings about the stream of the source.

import { mayLeaveOut } from '../config/projection-settings.ts';
import { streamLabelMs } from '../model/guard.ts';
import { type Check, error, type Finding, nameOf, note, type Pair, warning } from './finding.ts';
import { streamAnewCommands, streamOnCommand } from './stream-commands.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

export const STREAM_CHECKS: readonly Check[] = [streamOff, streamView, otherStream, streamAge];

function streamOff({ source, projection }: Pair): Finding[] {
  if (source.stream !== undefined) return [];
  const images = mayLeaveOut({ projection }) ? 'new and old images' : 'new images';
  return error(
    'stream',
    `${nameOf(source)} has no stream.`,
    `Enable it with ${images}: \`${streamOnCommand(source, viewFor(projection))}\`.`,
  );
}

function streamView({ source: { stream, ...source }, projection }: Pair): Finding[] {
  const view = viewFor(projection);
  if (stream === undefined || [view, 'NEW_AND_OLD_IMAGES'].includes(stream.viewType)) return [];
  const says = `The stream of ${nameOf(source)} has the view type ${stream.viewType}.`;
  const change = `The view type of a stream cannot be changed. Disable the stream, and enable it again: \`${streamAnewCommands(source, view)}\`. The stream then has another ARN. Check first that no other consumer needs the old one.`;
  if (!stream.viewType.startsWith('NEW_'))
    return error(
      'stream-view',
      says,
      `Ferry writes whole items, so it needs new images. ${change}`,
    );
  const isSure = projection?.keepItems !== undefined;
  const cause = isSure ? '"keepItems" leaves items out' : 'The module may leave items out';
  return (isSure ? error : warning)(
    'projection-stream',
    says,
    `${cause}, so Ferry needs old images, too. Without them, the function does not know whether an item was in the twin before, and holds the batch. ${change}`,
  );
}

function viewFor(projection: Pair['projection']) {
  return mayLeaveOut({ projection }) ? 'NEW_AND_OLD_IMAGES' : 'NEW_IMAGE';
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
