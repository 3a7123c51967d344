// The event source mappings of a deployed replication, for commands that pause or start it.

import type { Sides } from '../aws/access.ts';
import { deployedTimeoutSeconds } from '../aws/deployed-function.ts';
import { lambdaEventSources } from '../aws/event-source.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { EventSources } from '../ports.ts';

export interface DeployedSources {
  readonly mappings: EventSources;
  /** Of the function. */
  readonly timeoutSeconds: number;
  close(): void;
}

/** @returns undefined where no function is deployed. */
export async function openEventSources(
  replication: ReplicationConfig,
  { source }: Sides,
): Promise<DeployedSources | undefined> {
  const timeoutSeconds = await deployedTimeoutSeconds(source, replication.name);
  if (timeoutSeconds === undefined) return undefined;
  const mappings = lambdaEventSources(source, replication);
  return { mappings, timeoutSeconds, close: () => mappings.close() };
}
