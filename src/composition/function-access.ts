// How a function reaches both sides: the source by its own role, the twin by that role, by one of the destination's
// account, or by keys that a secret has.

import { accessTo, type CredentialSource, type Sides } from '../aws/access.ts';
import { isLoopback, isThere } from '../aws/endpoints.ts';
import { systemClock } from '../aws/system-clock.ts';
import { isOtherAccount, roleArn, writerRoleName } from '../config/accounts.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { logLine } from './function-output.ts';
import type { Environment } from './keyring.ts';

/** @param environment has the function's name, by which the other account's trail knows it. */
export async function functionSides(
  replication: ReplicationConfig,
  environment: Environment,
): Promise<Sides> {
  const { source, destination } = replication;
  const credentials = await twinCredentials(replication, environment);
  // Lambda gives the initialization a whole processor, and a small function a part of one.
  void warmUp(credentials);
  return { source: accessTo(source), destination: accessTo(destination, credentials) };
}

/** @returns undefined for the function's own role. What is loaded here, most replications never need. */
async function twinCredentials(
  replication: ReplicationConfig,
  environment: Environment,
): Promise<CredentialSource | undefined> {
  const { name, source, destination } = replication;
  const common = { by: { region: source.region }, clock: systemClock, onFailure };
  const isLocal = isLoopback(destination.endpoint ?? '');
  if (destination.credentials && isThere('SECRETS_MANAGER', isLocal, environment)) {
    const { secretCredentials } = await import('../aws/secret-credentials.ts');
    return secretCredentials({ secret: destination.credentials.secret, ...common });
  }
  if (!isOtherAccount(replication) || !isThere('STS', isLocal, environment)) return undefined;
  const { assumedRole } = await import('../aws/assumed-role.ts');
  return assumedRole({
    roleArn: roleArn(destination, writerRoleName(name)),
    sessionName: environment['AWS_LAMBDA_FUNCTION_NAME'] ?? `ferry-${name}`,
    ...common,
  });
}

/** A failure is logged, and counts with the first request. */
async function warmUp(credentials: CredentialSource | undefined): Promise<void> {
  await Promise.resolve(credentials?.get()).catch(() => undefined);
}

/** Its message has names only: what a service answers may repeat what was signed. */
function onFailure(error: unknown): void {
  logLine({ event: 'credentials.unavailable', error: error instanceof Error ? error.message : '' });
}
