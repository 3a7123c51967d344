// A rehearsal on AWS from its beginning to its end: deploys the scratch replication, opens the place, and removes
// everything again.

import { dirname, join } from 'node:path';
import { type CdkApp, openCdkApp } from '../aws/cdk-app.ts';
import { directionsOf } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { Clock } from '../ports.ts';
import type { Environment } from './keyring.ts';
import { operatorSides } from './operator-access.ts';
import type { Directions } from './rehearsal-denial.ts';
import {
  type CommandDone,
  openRehearsalPlace,
  type OpenRehearsalPlace,
} from './rehearsal-place.ts';
import { removeRehearsal, type Unremoved } from './rehearsal-removal.ts';
import { scratchStacks } from './rehearsal-scratch.ts';

export interface AwsRehearsalOptions {
  readonly scratch: ReplicationConfig;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  /** Runs a command of Ferry. */
  readonly ferry: (...args: readonly string[]) => Promise<CommandDone>;
  /** A line of the CDK. */
  readonly onLine: (line: string) => void;
  readonly onRemoved: (what: string) => void;
  /** @default the CDK app of this package */
  readonly cdk?: CdkApp | undefined;
}

export interface AwsRehearsal {
  /** Nothing is made before. @throws what the CDK or the services say, or the reason of `stop` */
  deploy(): Promise<OpenRehearsalPlace>;
  /** Never stopped, and to be called whatever has happened. @returns what could not be removed */
  remove(): Promise<Unremoved[]>;
}

/** @throws UsageError `cdk.missing`, or FerryError `access.account` */
export async function openAwsRehearsal(options: AwsRehearsalOptions): Promise<AwsRehearsal> {
  const { scratch, environment, clock, stop, ferry } = options;
  const directions = await directionsTo(scratch, environment);
  const { cdk = openCdkApp({ ...options, config: { replications: [scratch] } }) } = options;
  const { config } = cdk;
  let place: OpenRehearsalPlace | undefined;
  return {
    async deploy() {
      await cdk.deploy(scratchStacks(scratch), stop);
      const reportPath = join(dirname(config), 'differences.jsonl');
      const run = (...args: readonly string[]) => ferry(...args, '--json', '--config', config);
      place = await openRehearsalPlace({ directions, ferry: run, reportPath, clock });
      await place.adopt();
      return place;
    },
    async remove() {
      place?.close();
      const left = await removeRehearsal({ ...options, directions, cdk });
      cdk.close();
      return left;
    },
  };
}

async function directionsTo(
  scratch: ReplicationConfig,
  environment: Environment,
): Promise<Directions> {
  const all = directionsOf(scratch).map(async (replication) => ({
    replication,
    sides: await operatorSides(replication, { apply: true, environment }),
  }));
  return (await Promise.all(all)) as unknown as Directions;
}
