// The rules about all replications of a file with a "fleet" together.

import { show } from './problems.ts';
import { arnProblems, ownerProblem } from './regions.ts';
import type { FleetConfig, Replications } from './schema.ts';

/** Where a replication's name would be, in the names of what the fleet has. */
export const FLEET = 'fleet';

/** One line per problem: path, value, and what was expected. */
export function* fleetProblems(
  fleet: FleetConfig | undefined,
  replications: Replications,
): Generator<string> {
  if (fleet === undefined) return;
  for (const [path, { name, source, alarms, switching, twoWay }] of replications) {
    if (name === FLEET)
      yield `${path}.name must not be ${show(FLEET)} in a file with "fleet": the topic, the dashboard and the alarm of the fleet have names that begin with ferry-fleet`;
    if (alarms.email !== undefined && alarms.topicArn === undefined)
      yield `${path}.alarms.email is for a topic of the replication, and its alarms go to the topic of the fleet; use "fleet.email"`;
    if (fleet.kmsKeyArn === undefined) continue;
    yield* arnProblems('fleet.kmsKeyArn', fleet.kmsKeyArn, { table: source, what: 'a key' });
    yield* ownerProblem('fleet.kmsKeyArn', fleet.kmsKeyArn, source.account);
    const back = switching === undefined ? 'twoWay' : 'switching';
    if ((switching ?? twoWay) !== undefined)
      yield `fleet.kmsKeyArn cannot be combined with ${path}.${back}: the fleet then has a topic in two Regions, and a key is in one`;
  }
}
