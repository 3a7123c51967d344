// Findings about the stream of the source, unless it sends its changes to a Kinesis stream.

import { mayLeaveOut } from '../config/projection-settings.ts';
import { streamLabelMs } from '../model/guard.ts';
import type { TableFacts } from '../model/table-facts.ts';
import { type Check, error, type Finding, nameOf, note, type Pair, warning } from './finding.ts';
import { streamAnewCommands, streamOnCommand } from './stream-commands.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

export const STREAM_CHECKS: readonly Check[] = [
  streamOff,
  streamView,
  bothStreams,
  otherStream,
  streamAge,
].map((check: Check) => (pair) => (pair.kinesis === undefined ? check(pair) : []));

function streamOff(pair: Pair): Finding[] {
  const { source, projection } = pair;
  if (source.stream !== undefined) return [];
  const view = readsBoth(pair) ? 'NEW_AND_OLD_IMAGES' : viewFor(projection);
  return error('stream', `${nameOf(source)} has no stream.`, enableText(source, view));
}

function enableText(table: TableFacts, view: ReturnType<typeof viewFor>): string {
  const images = view === 'NEW_IMAGE' ? 'new images' : 'new and old images';
  return `Enable it with ${images}: \`${streamOnCommand(table, view)}\`.`;
}

function readsBoth({ isSwitched = false, bothWays }: Pair): boolean {
  return isSwitched || bothWays !== undefined;
}

/** Both are read: the twin's shows what applications write there, and becomes the source's with a switch. */
function bothStreams(pair: Pair): Finding[] {
  const { source, destination, bothWays } = pair;
  if (!readsBoth(pair)) return [];
  const view = 'NEW_AND_OLD_IMAGES';
  const setting = bothWays ? '"direction": "both"' : '"switching"';
  const subject = bothWays ? 'both-streams' : 'switching-stream';
  const why = `With ${setting}, Ferry reads both streams, and needs their old images, too.`;
  return [source, destination].flatMap((table) => {
    const { stream } = table;
    if (stream?.viewType === view) return [];
    // Of the source, `streamOff` says it.
    if (stream === undefined)
      return table === source
        ? []
        : error(subject, `${nameOf(table)} has no stream.`, `${why} ${enableText(table, view)}`);
    return error(subject, viewText(table, stream), `${why} ${changeText(table, view)}`);
  });
}

function viewText(table: TableFacts, { viewType }: NonNullable<TableFacts['stream']>): string {
  return `The stream of ${nameOf(table)} has the view type ${viewType}.`;
}

function changeText(table: TableFacts, view: ReturnType<typeof viewFor>): string {
  return `The view type of a stream cannot be changed. Disable the stream, and enable it again: \`${streamAnewCommands(table, view)}\`. The stream then has another ARN. Check first that no other consumer needs the old one.`;
}

function streamView(pair: Pair): Finding[] {
  const { source, projection } = pair;
  const { stream } = source;
  const view = viewFor(projection);
  if (
    readsBoth(pair) ||
    stream === undefined ||
    [view, 'NEW_AND_OLD_IMAGES'].includes(stream.viewType)
  )
    return [];
  const says = viewText(source, stream);
  const change = changeText(source, view);
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

function otherStream(pair: Pair): Finding[] {
  const { source, destination, configuredStreamArn, destinationStreamArn } = pair;
  return [
    [source, configuredStreamArn] as const,
    [destination, destinationStreamArn] as const,
  ].flatMap(([{ stream, ...table }, named]) => {
    if (stream === undefined || named === undefined || named === stream.arn) return [];
    return error(
      'other-stream',
      `The configuration names the stream ${named}, but ${nameOf(table)} has the stream ${stream.arn}.`,
      'The stream was disabled and enabled again. Correct "streamArn", and deploy again.',
    );
  });
}

function streamAge({ source, nowMs, bothWays }: Pair): Finding[] {
  const copy =
    bothWays?.mode === 'stamped'
      ? '`ferry merge` makes both tables equal'
      : '`ferry backfill` copies them';
  const madeMs = streamLabelMs(source.stream?.arn ?? '');
  if (madeMs === undefined) return [];
  const horizonMs = Math.max(madeMs, nowMs - DAY_MS);
  const since = new Date(horizonMs).toISOString();
  return note(
    'stream-age',
    `The stream has the changes since ${since}.`,
    `Items that were written before are not in the stream. When the replication is deployed, ${copy}.`,
  );
}
