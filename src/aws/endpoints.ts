// Where a service is asked, if not at the Region's own endpoint: the environment variables of the AWS SDKs. The
// SDK's clients read them by themselves, and the profile's `endpoint_url`, too; this is for what is decided here.

import type { Settings } from './access.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** As the SDK's variables spell it: AWS_ENDPOINT_URL_DYNAMODB. */
type Service = 'CLOUDWATCH_LOGS' | 'DYNAMODB' | 'S3';

/** @returns undefined where the environment names none, or says that it does not count. */
export function environmentEndpoint(
  service: Service,
  environment: Environment,
): string | undefined {
  if (environment['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] === 'true') return undefined;
  // As the SDK has it, an empty variable is none.
  return environment[`AWS_ENDPOINT_URL_${service}`] || environment['AWS_ENDPOINT_URL'] || undefined;
}

/** Whether `endpoint` is on this machine, where no signature is checked. */
export function isLoopback(endpoint: string): boolean {
  if (!URL.canParse(endpoint)) return false;
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(endpoint).hostname);
}

/** Whether a side of a replication is an emulator on this machine. */
export function isLocal({ endpoint, endpoints = {} }: Settings): boolean {
  if (endpoint !== undefined) return isLoopback(endpoint);
  return Object.values(endpoints).some((url) => isLoopback(url));
}

/** An emulator has no roles, secrets and log groups, unless the environment says where they are. */
export function isThere(
  service: 'CLOUDWATCH_LOGS' | 'SECRETS_MANAGER' | 'STS',
  isLocal: boolean,
  environment: Environment,
): boolean {
  return !isLocal || Boolean(environment[`AWS_ENDPOINT_URL_${service}`]);
}

/** The part of an SDK client that knows what environment and profile name for its service. */
interface Configured {
  readonly config: {
    readonly serviceConfiguredEndpoint?: (() => Promise<string | undefined>) | undefined;
  };
}

/** What environment or profile name for the service of a client that was made without an endpoint. */
export async function configuredEndpoint({ config }: Configured): Promise<string | undefined> {
  return config.serviceConfiguredEndpoint?.();
}
