// How one side of a replication is reached, as a value: nothing else decides whose credentials a client has.

import type { ServiceEndpoints } from '../config/schema.ts';

/** As AWS clients take them. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Credentials that are kept until they end, or until a service refuses them. */
export interface CredentialSource {
  /** At once, and the same object, for as long as they are good. */
  get(): Credentials | Promise<Credentials>;
  /**
   * To call after an answer that says that these credentials are not valid, or not any more.
   * @returns whether there are others now, so that another try makes sense.
   */
  refused(credentials: Credentials): Promise<boolean>;
}

export interface Access {
  readonly region: string;
  /** Of DynamoDB. @default what environment or profile name, or else the Region's own */
  readonly endpoint?: string | undefined;
  /** Of other services. @default the same */
  readonly endpoints?: ServiceEndpoints | undefined;
  /** @default the SDK's own search for them */
  readonly credentials?: CredentialSource | undefined;
}

/** How both sides of a replication are reached. */
export interface Sides {
  readonly source: Access;
  readonly destination: Access;
}

/** Of one side in a configuration. */
export type Settings = Pick<Access, 'region' | 'endpoint' | 'endpoints'>;

/** Of the settings of one side, which hold more. @param credentials by default, those that the SDK finds */
export function accessTo(
  { region, endpoint, endpoints }: Settings,
  credentials?: CredentialSource,
): Access {
  return { region, endpoint, endpoints, credentials };
}

/** Both sides with the same credentials. */
export function sidesOf(
  { source, destination }: { readonly source: Settings; readonly destination: Settings },
  credentials?: CredentialSource,
): Sides {
  return { source: accessTo(source, credentials), destination: accessTo(destination, credentials) };
}

/** Of keys that are known, and stay as they are. */
export function fixedCredentials(credentials: Credentials): CredentialSource {
  return { get: () => credentials, refused: async () => false };
}

/** What a service says of a request that it refuses may repeat what was signed. */
export function withoutKeys(text: string, credentials: Credentials): string {
  const { accessKeyId, secretAccessKey, sessionToken = '' } = credentials;
  const values = [accessKeyId, secretAccessKey, sessionToken].filter((value) => value !== '');
  return values.reduce((rest, value) => rest.replaceAll(value, '…'), text);
}
