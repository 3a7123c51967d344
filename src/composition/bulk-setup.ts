// Where the bulk runs of a deployed replication are: its state machine, and the bucket for their reports.

import type { Sides } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { type DeployedBulk, deployedBulk } from '../aws/deployed-function.ts';
import { objectClient, s3Objects } from '../aws/s3-objects.ts';
import { stepFunctions, stepFunctionsClient } from '../aws/step-functions.ts';
import type { ReplicationConfig, TableConfig } from '../config/schema.ts';
import { FerryError } from '../errors.ts';
import type { BulkRuns, ObjectStore } from '../ports.ts';
import { configuredDigest } from './deployed-projection.ts';

export interface BulkSetup {
  readonly runs: BulkRuns;
  readonly bucket: ObjectStore;
  close(): void;
}

/**
 * @throws FerryError `deployment.missing` where the replication is not deployed with `"bulk": true`, and
 *   `deployment.differs` where the function would work on other tables.
 */
export async function openBulk(
  replication: ReplicationConfig,
  { source }: Sides,
): Promise<BulkSetup> {
  const { stateMachineArn, bucket, ...deployed } = await deployedBulk(source, replication.name);
  await requireSame(replication, deployed);
  const client = stepFunctionsClient(serviceSettings(source, 'sfn'));
  const objects = objectClient(serviceSettings(source, 's3'));
  return {
    runs: stepFunctions(client, stateMachineArn),
    bucket: s3Objects(objects, bucket),
    close() {
      client.destroy();
      objects.destroy();
    },
  };
}

async function requireSame(
  replication: ReplicationConfig,
  deployed: Pick<DeployedBulk, 'replication' | 'projection'>,
): Promise<void> {
  const [here, there] = [tablesOf(replication), tablesOf(deployed.replication)];
  if (here !== there)
    throw differs(`The function has been deployed for ${there}; the configuration says ${here}.`);
  const digest = await configuredDigest(replication);
  if (digest !== undefined && digest !== deployed.projection)
    throw differs(
      'The function has been deployed with another projection than the configuration has.',
    );
}

function differs(message: string): FerryError {
  const hint = 'Deploy it with `npx cdk deploy --all`.';
  return new FerryError(message, { code: 'deployment.differs', hint });
}

function tablesOf({
  source,
  destination,
  stateTable,
  reservedAttribute,
}: ReplicationConfig): string {
  const side = ({ region, table }: TableConfig) => `${region}/${table}`;
  return `${side(source)} to ${side(destination)} with the state table ${stateTable} and the attribute ${reservedAttribute}`;
}
