// A log group in CloudWatch Logs as a journal: lines are added, and read by their time.

import {
  CloudWatchLogsClient,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  FilterLogEventsCommand,
  PutLogEventsCommand,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs';
import { FerryError } from '../errors.ts';
import type { Journal } from '../ports.ts';
import { type ClientSettings, clientSettings } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';

/**
 * Of all lines. A stream takes requests of any number of callers at the same time, CloudWatch Logs keeps empty streams
 * for ever, and FilterLogEvents reads few streams faster than many.
 */
const STREAM = 'commands';

const TIMEOUT_MS = 20_000;
/** A page has up to 1 MB of lines, or none: FilterLogEvents searches for so long, and says where to go on. */
const PAGES_MAX = 1_000;

/** Rejects with the service's or the network's own errors. */
export function logGroup(client: CloudWatchLogsClient, logGroupName: string): Journal {
  const place = { logGroupName, logStreamName: STREAM };
  const put = async (line: string, atMs: number) => {
    const logEvents = [{ timestamp: atMs, message: line }];
    const command = new PutLogEventsCommand({ ...place, logEvents });
    const { rejectedLogEventsInfo } = await client.send(command, inTime());
    if (rejectedLogEventsInfo !== undefined) throw rejected(atMs);
    return true;
  };
  const createStream = () =>
    client.send(new CreateLogStreamCommand(place), inTime()).then(isThere, unlessThere);
  return {
    async append(line, atMs) {
      if (await put(line, atMs).catch(unlessMissing)) return true;
      const isCreated = await createStream().catch(unlessMissing);
      return isCreated && put(line, atMs).catch(unlessMissing);
    },
    async read(fromMs, toMs) {
      const lines: Array<readonly [number, string]> = [];
      let nextToken: string | undefined;
      // Both ends of CloudWatch's range belong to it.
      const range = { logGroupName, startTime: fromMs, endTime: toMs - 1 };
      for (let page = 0; ; page += 1) {
        if (page === PAGES_MAX) throw endless(logGroupName);
        const command = new FilterLogEventsCommand({ ...range, nextToken });
        const found = await client.send(command, inTime()).catch(undefinedIfMissing);
        if (found === undefined) return undefined;
        for (const { timestamp = 0, message = '' } of found.events ?? [])
          lines.push([timestamp, message]);
        ({ nextToken } = found);
        if (nextToken === undefined) break;
      }
      return lines.toSorted(([a], [b]) => b - a).map(([, line]) => line);
    },
  };
}

/** To list log groups, a caller would need rights on all of them. */
export async function hasLogGroup(client: CloudWatchLogsClient, name: string): Promise<boolean> {
  const command = new FilterLogEventsCommand({ logGroupName: name, limit: 1 });
  return client.send(command, inTime()).then(isThere, unlessMissing);
}

export async function deleteLogGroup(client: CloudWatchLogsClient, name: string): Promise<void> {
  await client.send(new DeleteLogGroupCommand({ logGroupName: name }), inTime());
}

export function logsClient(settings: ClientSettings): CloudWatchLogsClient {
  return sdkClient(
    new CloudWatchLogsClient({ ...clientSettings(settings), maxAttempts: 3 }),
    settings,
  );
}

const inTime = () => ({ abortSignal: AbortSignal.timeout(TIMEOUT_MS) });

const isThere = () => true;

/** Another caller was first. */
function unlessThere(error: unknown): boolean {
  if (error instanceof ResourceAlreadyExistsException) return true;
  throw error;
}

/** Of the group, or of the stream: the error is the same. */
function unlessMissing(error: unknown): boolean {
  return undefinedIfMissing(error) ?? false;
}

function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof ResourceNotFoundException) return undefined;
  throw error;
}

function endless(logGroupName: string): FerryError {
  return new FerryError(`The log group ${logGroupName} has more than ${PAGES_MAX} pages.`, {
    code: 'history.long',
    hint: 'Read a shorter time, with --since.',
  });
}

/** CloudWatch Logs answers with success. */
function rejected(atMs: number): FerryError {
  return new FerryError(
    `CloudWatch Logs rejects a line of ${new Date(atMs).toISOString()}: it is more than two hours ahead, or 14 days behind`,
    { code: 'history.rejected', hint: 'Check the clock of this machine.' },
  );
}
