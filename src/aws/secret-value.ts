// The text of a secret of AWS Secrets Manager.

import { type ClientSettings, clientSettings } from './client-settings.ts';
import { tryingOthers } from './other-credentials.ts';

export interface SecretVersion {
  /** Its ARN. */
  readonly secret: string;
  /** @default the current one */
  readonly versionId?: string;
}

/** @returns undefined for a secret that has bytes instead. */
export async function secretText(
  { secret: SecretId, versionId: VersionId }: SecretVersion,
  by: ClientSettings,
): Promise<string | undefined> {
  // Loaded here: most replications never need it.
  const { GetSecretValueCommand, SecretsManagerClient } = await import(
    '@aws-sdk/client-secrets-manager'
  );
  const settings = { ...clientSettings(by), maxAttempts: 3 };
  const client = tryingOthers(new SecretsManagerClient(settings), by.credentials);
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId, VersionId }));
    return SecretString;
  } finally {
    client.destroy();
  }
}
