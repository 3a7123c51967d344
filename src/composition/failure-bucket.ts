// The on-failure bucket of a deployed function, as its settings name it, for a command.

import type { Access } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { deployedSettings } from '../aws/deployed-function.ts';
import { objectClient, s3Objects } from '../aws/s3-objects.ts';
import type { ObjectStore } from '../ports.ts';

export interface OpenBucket {
  readonly bucket: ObjectStore;
  close(): void;
}

/**
 * @param beside the source of the replication, where its function is.
 * @throws FerryError `deployment.missing` where it is not deployed.
 */
export async function openFailureBucket(beside: Access, name: string): Promise<OpenBucket> {
  const { onFailureBucket } = await deployedSettings(beside, name);
  const client = objectClient(serviceSettings(beside, 's3'));
  return { bucket: s3Objects(client, onFailureBucket), close: () => client.destroy() };
}
