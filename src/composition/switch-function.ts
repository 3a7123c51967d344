// A switch, opened in the function `ferry-switch`: the function of a direction from its Region knows the replication, and
// the roles of a switch reach what is beside either table.

import { accessTo, type Access, type Sides } from '../aws/access.ts';
import { assumedRole } from '../aws/assumed-role.ts';
import { deployment } from '../aws/deployed-function.ts';
import { isLoopback, isThere } from '../aws/endpoints.ts';
import { roleArn, switchRoleName } from '../config/accounts.ts';
import { otherDirection, outward } from '../config/directions.ts';
import type { Side } from '../config/identity.ts';
import type { ReplicationConfig, TableConfig } from '../config/schema.ts';
import { activeRegion } from '../model/active-region.ts';
import type { RetryContext } from '../pacing/retry.ts';
import type { LayerTask } from '../switching/layers.ts';
import type { SwitchRequest } from '../switching/step.ts';
import { activeDirection, readCopies } from './active-direction.ts';
import type { Environment } from './keyring.ts';
import { type OpenSwitch, openSwitchPorts } from './switch-ports.ts';

export interface SwitchPlace extends RetryContext {
  /** Name of the direction whose source is in the function's Region. */
  readonly direction: string;
  readonly region: string;
  /** Of the function. */
  readonly account: string;
  readonly environment: Environment;
}

export interface FunctionSwitch extends OpenSwitch {
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
  readonly request: SwitchRequest;
}

/** @throws what `deployment` and `openSwitchPorts` throw. */
export async function openFunctionSwitch(
  task: LayerTask,
  place: SwitchPlace,
): Promise<FunctionSwitch> {
  const { direction, region, environment } = place;
  const { replication: here } = await deployment(
    accessFor(place, { region }, direction),
    direction,
  );
  const replication = outward(here);
  const sides = sidesOf(replication, place);
  const { sourceLost: isLost, fencedByApplication } = task;
  const target = await targetOf(task, { replication, sides, stop: place.stop });
  const opened = await openSwitchPorts({
    ...place,
    replication,
    sides,
    target,
    fencedByApplication,
    isLost,
    environment,
  });
  return { ...opened, replication, sides, request: requestOf(task, region) };
}

/** The twin, where a table is only drained. */
async function targetOf(
  { operation }: LayerTask,
  at: {
    readonly replication: ReplicationConfig;
    readonly sides: Sides;
    readonly stop: AbortSignal;
  },
): Promise<Side> {
  if (operation !== 'drain') return operation === 'failover' ? 'destination' : 'source';
  const { replication, sides, stop } = at;
  const state = activeRegion(await readCopies(replication, sides, stop));
  return activeDirection(replication, state) === 'out' ? 'destination' : 'source';
}

function requestOf(
  { operation, sourceLost, acceptedLetters: accepted }: LayerTask,
  region: string,
): SwitchRequest {
  return {
    kind: sourceLost ? 'lost' : operation === 'drain' ? 'drain' : 'switch',
    apply: true,
    by: `ferry-switch in ${region}`,
    accepted,
    proof: 'tail',
    // Nothing in the lost Region is asked, not even whether it answers.
    evenIfReachable: sourceLost,
  };
}

function sidesOf(replication: ReplicationConfig, place: SwitchPlace): Sides {
  const { name, source, destination } = replication;
  return {
    source: accessFor(place, source, name),
    destination: accessFor(place, destination, otherDirection(replication).name),
  };
}

/** By the role beside the source of a direction. Endpoints of other services are for commands. */
function accessFor(
  { account, region, environment, clock }: SwitchPlace,
  side: Pick<TableConfig, 'region' | 'endpoint' | 'account'>,
  direction: string,
): Access {
  const settings = { region: side.region, endpoint: side.endpoint, endpoints: {} };
  if (!isThere('STS', isLoopback(side.endpoint ?? ''), environment)) return accessTo(settings);
  const credentials = assumedRole({
    roleArn: roleArn({ account, ...side }, switchRoleName(direction)),
    sessionName: 'ferry-switch',
    by: { region },
    clock,
  });
  return accessTo(settings, credentials);
}
