// The fence of one table, as the configuration and the operator want it.

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Access } from '../aws/access.ts';
import { assumedRole } from '../aws/assumed-role.ts';
import { callerOf } from '../aws/caller-account.ts';
import { isLoopback, isThere } from '../aws/endpoints.ts';
import { probeWrite } from '../aws/fence-probe.ts';
import { tablePolicy } from '../aws/resource-policy.ts';
import { probeRoleName, roleArn } from '../config/accounts.ts';
import { exemptRoles, inboundRoles } from '../config/fence-roles.ts';
import { PROBE_KEY } from '../config/names.ts';
import type { KeyAttribute, ReplicationConfig } from '../config/schema.ts';
import type { Clock, Item } from '../ports.ts';
import type { Fence } from '../switching/ports.ts';
import { policyFence, promisedFence } from '../switching/policy-fence.ts';
import type { Environment } from './keyring.ts';

export interface FenceSetup {
  readonly access: Access;
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly tableArn: string;
  readonly keys: readonly KeyAttribute[];
  /** The directions that start and end at the table. */
  readonly starting: ReplicationConfig;
  readonly ending: ReplicationConfig;
  readonly fencedByApplication: boolean;
  /** Where STS is asked. */
  readonly callerRegion: string;
  readonly environment: Environment;
  readonly clock: Clock;
  /** One that is used instead. */
  readonly promised: Fence | undefined;
}

export interface OpenFence {
  readonly fence: Fence;
  /** Whether it can be raised. */
  check(): Promise<void>;
}

export async function openFence(setup: FenceSetup): Promise<OpenFence> {
  const { tableArn, ending, client, fencedByApplication, promised, clock } = setup;
  const unchecked = (fence: Fence): OpenFence => ({ fence, check: async () => undefined });
  if (promised !== undefined) return unchecked(promised);
  if (ending.switching?.fence === 'application') return unchecked(promisedFence());
  const account = tableArn.split(':')[4] ?? '';
  const fence = policyFence({
    tableArn,
    policy: tablePolicy(client, tableArn),
    exempt: exemptRoles(ending, { account, caller: await callerIn(setup) }),
    inbound: inboundRoles(ending, account),
    probe: probeOf(setup, account),
    clock,
  });
  return fencedByApplication
    ? unchecked(promisedFence(fence))
    : { fence, check: () => fence.check() };
}

/** The operator who switches writes to the table behind its fence. */
async function callerIn(setup: FenceSetup): Promise<string | undefined> {
  const { access, callerRegion: region, environment } = setup;
  const { endpoint } = access;
  const isLocal = endpoint !== undefined && isLoopback(endpoint);
  if (!isThere('STS', isLocal, environment)) return undefined;
  return (await callerOf({ region, credentials: access.credentials })).arn;
}

function probeOf({ access, table, keys, starting, clock }: FenceSetup, account: string) {
  const { region, endpoint, credentials } = access;
  const role = roleArn({ account, ...starting.source }, probeRoleName(starting.name));
  const by = {
    region,
    endpoint,
    credentials: assumedRole({
      roleArn: role,
      sessionName: 'ferry-probe',
      by: { region, credentials },
      clock,
    }),
  };
  const key: Item = Object.fromEntries(keys.map(({ name, type }) => [name, VALUES[type]]));
  return () => probeWrite({ by, table, key });
}

const VALUES = {
  S: { S: PROBE_KEY },
  N: { N: '0' },
  B: { B: new TextEncoder().encode(PROBE_KEY) },
} as const;
