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
import { FerryError } from '../errors.ts';
import { whatHappened } from '../failures/what-happened.ts';
import {
  type HistoryEntry,
  historyLine,
  historyWindows,
  type ParsedLine,
  parseHistoryLine,
} from '../history/entry.ts';
import type { Journal } from '../ports.ts';
import type { Environment } from './keyring.ts';

/** A log group, and how it is reached. */
export interface HistoryHome {
  readonly group: string;
  readonly access: Access;
  readonly environment: Environment;
  /** Whether its side is an emulator, with a log group all the same. */
  readonly isLocal: boolean;
}

/** Of the given direction first. None on an emulator, which is not a deployment. */
export function historyHomes(
  replication: ReplicationConfig,
  { source, destination }: Sides,
  environment: Environment,
): HistoryHome[] {
  const home = (direction: ReplicationConfig, access: Access): HistoryHome => {
    const group = historyGroup(direction.name);
    return { group, access, environment, isLocal: isLocal(direction.source) };
  };
  const back = replication.switching && otherDirection(replication);
  return [home(replication, source), ...(back ? [home(back, destination)] : [])].filter((one) =>
    isThere('CLOUDWATCH_LOGS', one.isLocal, environment),
  );
}

/** ARN of the caller at the first home: a line without it is better than none. */
export async function callerAt([home, other]: readonly HistoryHome[]): Promise<string> {
  if (home === undefined) return UNKNOWN;
  const { access, environment } = home;
  if (!isThere('STS', home.isLocal, environment)) return UNKNOWN;
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

/** @throws FerryError `history.missing`, or what the service or the network throws, where no home can be read. */
export async function readHistory(
  homes: readonly HistoryHome[],
  wanted: Wanted,
): Promise<FoundHistory> {
  const read = await Promise.allSettled(homes.map((home) => linesAt(home, wanted)));
  const failures = read.flatMap((one) =>
    one.status === 'rejected' ? [one.reason as unknown] : [],
  );
  if (failures.length === homes.length) throw failures[0];
  const lines = read.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  const entries = lines.flatMap((line) => (line.kind === 'entry' ? [line.entry] : []));
  const unreadable = lines.flatMap((line) => (line.kind === 'entry' ? [] : [line.problem]));
  return {
    entries: entries.toSorted((a, b) => (a.endedAt < b.endedAt ? 1 : -1)).slice(0, wanted.limit),
    problems: [
      ...failures.map(whatHappened),
      ...[...new Set(unreadable)].map((problem) => `a line cannot be read: ${problem}`),
    ],
    isMore: entries.length > wanted.limit,
  };
}

/** The newest, and at least one more than are wanted, where there is one. */
function linesAt(home: HistoryHome, { sinceMs, nowMs, limit }: Wanted): Promise<ParsedLine[]> {
  return atHome(home, async (journal) => {
    const found: ParsedLine[] = [];
    for (const [fromMs, toMs] of historyWindows(sinceMs, nowMs)) {
      const lines = await journal.read(fromMs, toMs);
      if (lines === undefined) throw noGroup(home);
      found.push(...lines.map(parseHistoryLine));
      if (found.length > limit) break;
    }
    return found;
  });
}

function noGroup(home: HistoryHome): FerryError {
  return new FerryError(`${missing(home)}.`.replace('there', 'There'), {
    code: 'history.missing',
    hint: 'Deploy the replication with `npx cdk deploy --all`, or check that the credentials belong to the account that has it.',
  });
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
