// When an AWS service, the network or a file says no: an answer for the operator, not a bug with a stack.

import { operatorIdentities, reachOf, type Side } from '../config/identity.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { FailureStory, TableRole } from '../failures/failure-rule.ts';
import { failureStory } from '../failures/failure-story.ts';
import { type FailedRequest, FerryError, requestOf, UsageError } from '../errors.ts';
import { EXIT, type Io } from './output.ts';

export interface About {
  /** What holds however the command ended, such as what is done already; may be empty. */
  readonly hint: string;
  /** They name the roles of tables that are missing. */
  readonly replications?: readonly ReplicationConfig[];
  /** Whether the command changes anything: then it may have other credentials. @default false */
  readonly apply?: boolean;
}

/**
 * Runs `action`, and turns an error of a service, the network or this machine into one that says what happened and
 * what to do.
 * @throws FerryError `failure.KIND`, or what `action` throws of its own.
 */
export async function explained<T>(about: About, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw withStory(cause, about);
  }
}

/** Refusals that leave something undone, which another run of the command does later. */
const LATER: readonly string[] = [
  'switching.lease',
  'switching.lost',
  'switching.unclear',
  'switching.apart',
];

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  return error instanceof FerryError && LATER.includes(error.code) ? EXIT.differences : EXIT.failed;
}

/** What is printed about it: what happened, and what to do. Only a bug has a stack. */
export function failureText(error: unknown): {
  readonly message: string;
  readonly hint?: string | undefined;
} {
  if (error instanceof FerryError) return { message: error.message, hint: error.hint };
  return { message: `unexpected: ${error instanceof Error ? error.stack : String(error)}` };
}

/** Whether Ctrl-C ended the work. Once they work, commands handle it themselves. */
export function isInterruption(error: unknown, { interrupted }: Pick<Io, 'interrupted'>): boolean {
  const cause = error instanceof FerryError ? error.cause : error;
  return interrupted.aborted && cause === interrupted.reason;
}

/** @returns the error itself where it is a refusal already, or a bug. */
export function withStory(cause: unknown, about: About): unknown {
  if (cause instanceof FerryError) return cause;
  const { hint } = about;
  const story = storyOf(cause, about);
  if (story === undefined) return cause;
  return new FerryError(story.happened, {
    code: `failure.${story.kind}`,
    hint: hint === '' ? story.advice : `${story.advice} ${hint}`,
    cause,
  });
}

/** @returns undefined for a bug. */
function storyOf(error: unknown, about: About): FailureStory | undefined {
  const { replications = [] } = about;
  const request = requestOf(error);
  return failureStory(error, {
    request,
    reach: reachIn(request, about),
    profile: process.env['AWS_PROFILE'],
    roleOf(table, region) {
      const roles = replications.map((replication) => roleIn(replication, table, region));
      return roles.find((role) => role !== undefined);
    },
  });
}

/** @returns undefined where no setting has chosen the credentials, or several may have. */
function reachIn(request: FailedRequest | undefined, about: About): string | undefined {
  const { replications = [], apply = false } = about;
  const reaches = replications.flatMap((replication) => {
    const side = request && sideOf(request, replication);
    if (side === undefined) return [];
    return [reachOf(side, operatorIdentities(replication, apply)[side])];
  });
  const [reach, ...others] = new Set(reaches);
  return others.length === 0 ? reach : undefined;
}

/** All but tables is in the Region of the source. */
function sideOf(request: FailedRequest, replication: ReplicationConfig): Side | undefined {
  const { service, resource = '', region = '' } = request;
  if (service === 'sts' || service === 'secretsmanager') return undefined;
  if (service !== 'dynamodb') return region === replication.source.region ? 'source' : undefined;
  const [table = ''] = resource.split(', ');
  const role = roleIn(replication, table, region);
  return role === 'state' ? 'destination' : role;
}

/** @returns undefined where two accounts may have it. */
function roleIn(
  { source, destination, stateTable }: ReplicationConfig,
  table: string,
  region: string,
): TableRole | undefined {
  const tables = { source, destination, state: { ...destination, table: stateTable } };
  const [role, ...others] = (['source', 'destination', 'state'] as const).filter(
    (one) => tables[one].table === table && tables[one].region === region,
  );
  return others.length === 0 ? role : undefined;
}
