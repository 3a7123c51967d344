// The history of a replication: a log group beside the source of each direction. Commands and functions add a line for
// each run that changes data, and `ferry history` reads them.

import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import manifest from '../../package.json' with { type: 'json' };
import type { Access, Sides } from '../aws/access.ts';
import { callerOf } from '../aws/caller-account.ts';
import { inEitherRegion } from '../aws/either-region.ts';
import { environmentEndpoint, isLocal, isThere } from '../aws/endpoints.ts';
import { logGroup, logsClient } from '../aws/log-group.ts';
import { otherDirection } from '../config/directions.ts';
import { historyGroup } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { whatHappened } from '../failures/what-happened.ts';
import {
  type HistoryEntry,
  historyLine,
  historyWindows,
  parseHistoryLine,
} from '../history/entry.ts';
import type { Journal } from '../ports.ts';
import type { Environment } from './keyring.ts';

/** A log group, and how it is reached. */
export interface HistoryHome {
  readonly group: string;
  readonly access: Access;
  readonly environment: Environment;
}

/** Of the given direction first. None on an emulator, which is not a deployment. */
export function historyHomes(
  replication: ReplicationConfig,
  { source, destination }: Sides,
  environment: Environment,
): HistoryHome[] {
  const homes = [{ group: historyGroup(replication.name), access: source, environment }];
  if (replication.switching !== undefined) {
    const group = historyGroup(otherDirection(replication).name);
    homes.push({ group, access: destination, environment });
  }
  return homes.filter(({ access }) => isThere('CLOUDWATCH_LOGS', isLocal(access), environment));
}

/** ARN of the caller at the first home: a line without it is better than none. */
export async function callerAt([home, other]: readonly HistoryHome[]): Promise<string> {
  if (home === undefined) return UNKNOWN;
  const { access, environment } = home;
  if (!isThere('STS', isLocal(access), environment)) return UNKNOWN;
  const ask = (region: string) => callerOf({ region, credentials: access.credentials });
  const regions = { region: access.region, other: other?.access.region };
  return inEitherRegion(ask, regions).then(
    ({ arn }) => arn,
    () => UNKNOWN,
  );
}

const UNKNOWN = 'unknown';

/**
 * Adds a line to the first home that takes it.
 * @returns why none did, without a full stop; undefined where one did, or where there is none.
 */
export async function keepInHistory(
  entry: Omit<HistoryEntry, 'version'>,
  homes: readonly HistoryHome[],
): Promise<string | undefined> {
  const line = historyLine({ ...entry, version: manifest.version });
  const problems: string[] = [];
  for (const home of homes) {
    const problem = await atHome(home, (journal) =>
      journal.append(line, Date.parse(entry.endedAt)).then(
        (isKept) => (isKept ? undefined : missing(home)),
        (error: unknown) => whatHappened(error),
      ),
    );
    if (problem === undefined) return undefined;
    problems.push(problem);
  }
  return problems.length === 0 ? undefined : problems.join('; ');
}

export interface FoundHistory {
  /** The newest first. */
  readonly entries: readonly HistoryEntry[];
  /** What could not be read: lines of another form, and homes. */
  readonly problems: readonly string[];
  /** Whether there may be more between `sinceMs` and the oldest entry. */
  readonly isMore: boolean;
}

interface Wanted {
  readonly sinceMs: number;
  readonly nowMs: number;
  readonly limit: number;
}

/** @throws what the service or the network throws, where no home answers. */
export async function readHistory(
  homes: readonly HistoryHome[],
  { sinceMs, nowMs, limit }: Wanted,
): Promise<FoundHistory> {
  const entries: HistoryEntry[] = [];
  const problems = new Set<string>();
  const failed = new Set<HistoryHome>();
  let failure: unknown;
  for (const [fromMs, toMs] of historyWindows(sinceMs, nowMs)) {
    for (const home of homes.filter((one) => !failed.has(one))) {
      try {
        const lines = await atHome(home, (journal) => journal.read(fromMs, toMs));
        if (lines === undefined) failed.add(home);
        for (const one of (lines ?? []).map(parseHistoryLine)) {
          if (one.kind === 'entry') entries.push(one.entry);
          else problems.add(`a line of ${home.group} cannot be read: ${one.problem}`);
        }
        if (lines === undefined) problems.add(missing(home));
      } catch (error) {
        failure = error;
        failed.add(home);
        problems.add(whatHappened(error));
      }
    }
    if (failed.size === homes.length && failure !== undefined) throw failure;
    if (entries.length > limit || failed.size === homes.length) break;
  }
  const newest = entries.toSorted((a, b) => (a.endedAt < b.endedAt ? 1 : -1));
  return {
    entries: newest.slice(0, limit),
    problems: [...problems],
    isMore: entries.length > limit,
  };
}

async function atHome<T>(home: HistoryHome, use: (journal: Journal) => Promise<T>): Promise<T> {
  const client = clientAt(home);
  try {
    return await use(logGroup(client, home.group));
  } finally {
    client.destroy();
  }
}

export function clientAt({ access, environment }: HistoryHome): CloudWatchLogsClient {
  const { region, credentials } = access;
  const endpoint = environmentEndpoint('CLOUDWATCH_LOGS', environment);
  return logsClient({ region, credentials, endpoint });
}

const missing = ({ group, access }: HistoryHome) =>
  `there is no log group ${group} in ${access.region}, which a deployment of the source creates`;
