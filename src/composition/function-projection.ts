// The projection of a deployed function. It is loaded only where there is one, without what commands need besides.

import type { Access } from '../aws/access.ts';
import type { Deployment } from '../config/schema.ts';
import type { Projection } from '../model/projection.ts';
import { FerryError } from '../errors.ts';
import { openProjection } from './open-projection.ts';

/** In the folder of a function's bundle, which this file is built into. */
const DEPLOYED_MODULE = new URL('./projection.mjs', import.meta.url);

/**
 * Of a deployed function, which has its module beside it. Nothing checks rules here: those of another digest may have
 * been written without a check, and let through what they should drop.
 * @throws FerryError `projection.module`, `projection.secret` or `deployment.invalid`.
 */
export async function functionProjection(
  { replication, projectionDigest }: Deployment,
  source: Access,
  deployedModule = DEPLOYED_MODULE,
): Promise<Projection | undefined> {
  const projection = await openProjection(replication, source, () => deployedModule);
  if (projection?.digest === projectionDigest) return projection;
  throw new FerryError(
    `The projection of the function has the digest ${projection?.digest}, and ${projectionDigest} was deployed.`,
    {
      code: 'deployment.invalid',
      hint: 'Deploy the function again with the CDK, or write the digest of `ferry projection test --json` into its variable.',
    },
  );
}
