// Where the bulk runs of a deployed replication are: its state machine, and the bucket for their reports.

import { deployedBulk } from '../adapters/deployed-function.ts';
import { objectClient, s3Objects } from '../adapters/s3-objects.ts';
import { stepFunctions, stepFunctionsClient } from '../adapters/step-functions.ts';
import type { ReplicationConfig } from '../config.ts';
import type { BulkRuns, ObjectStore } from '../ports.ts';

export interface BulkSetup {
  readonly runs: BulkRuns;
  readonly bucket: ObjectStore;
  close(): void;
}

/**
 * @param objectEndpoint an endpoint of S3 other than the Region's own.
 * @throws FerryError `deployment.missing` where the replication is not deployed with `"bulk": true`.
 */
export async function openBulk(
  { name, source }: ReplicationConfig,
  objectEndpoint?: string,
): Promise<BulkSetup> {
  const { region } = source;
  const { stateMachineArn, bucket } = await deployedBulk(region, name);
  const client = stepFunctionsClient(region);
  const objects = objectClient({ region, endpoint: objectEndpoint });
  return {
    runs: stepFunctions(client, stateMachineArn),
    bucket: s3Objects(objects, bucket),
    close() {
      client.destroy();
      objects.destroy();
    },
  };
}
