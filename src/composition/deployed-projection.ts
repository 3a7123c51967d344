// The projection that is deployed, for commands that write or compare by the one of a configuration.

import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { Access } from '../aws/access.ts';
import { type DeployedProjection, deployedProjection } from '../aws/deployed-function.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { FerryError } from '../errors.ts';
import { digestOfModule, digestOfRules } from '../projection/digest.ts';

/**
 * Of a configuration, without what its hashes need; null without a projection, undefined of a module that is at hand in
 * its function only.
 */
export async function configuredDigest({
  projection,
}: Pick<ReplicationConfig, 'projection'>): Promise<string | null | undefined> {
  if (projection === undefined) return null;
  const { module } = projection;
  if (module === undefined) return digestOfRules(projection);
  return isAbsolute(module) ? digestOfModule(await readFile(module)) : undefined;
}

/**
 * For a command that writes: the function would overwrite what has another projection.
 * @returns undefined where nothing is deployed.
 * @throws FerryError `deployment.differs`, and what `deployedProjection` throws.
 */
export async function requireDeployedProjection(
  { name, source }: ReplicationConfig,
  access: Access,
  digest: string | undefined,
): Promise<DeployedProjection | undefined> {
  const deployed = await deployedProjection(access, name);
  if (deployed === undefined || deployed.digest === (digest ?? null)) return deployed;
  const has = deployed.digest === null ? 'no projection' : 'another projection';
  throw new FerryError(
    `The deployed function of ${name} in ${source.region} has ${has}, not that of the configuration. It would overwrite what this command writes.`,
    {
      code: 'deployment.differs',
      hint: 'Deploy the configuration with `npx cdk deploy --all`, or use the deployed configuration.',
    },
  );
}
