// The projection of a deployed function. It is loaded only where there is one, without what commands need besides.

import type { Access } from '../aws/access.ts';
import type { Deployment } from '../config/schema.ts';
import type { Projection } from '../model/projection.ts';
import { openProjection, unfit } from './open-projection.ts';

/** In the folder of a function's bundle, which this file is built into. */
const DEPLOYED_MODULE = new URL('./projection.mjs', import.meta.url);

/**
 * Of a deployed function, which has its module beside it.
 * @throws FerryError `projection.module` or `projection.secret`.
 */
export async function functionProjection(
  { replication, projectionDigest }: Deployment,
  source: Access,
  deployedModule = DEPLOYED_MODULE,
): Promise<Projection | undefined> {
  const projection = await openProjection(replication, source, () => deployedModule);
  const isModule = replication.projection?.module !== undefined;
  if (!isModule || projectionDigest === undefined || projection?.digest === projectionDigest)
    return projection;
  throw unfit(
    `The module of the function has the digest ${projection?.digest}, and ${projectionDigest} was deployed.`,
    'Deploy the function again.',
  );
}
