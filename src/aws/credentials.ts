// Credentials. AWS clients find theirs by the SDK's own search. For an endpoint on this machine: those that are
// configured, or else some that mean nothing. An emulator may keep different tables for different keys, so what is
// configured comes first.

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Credentials } from './access.ts';
import { credentialsIn } from './credential-source.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const MEANINGLESS: Credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

/** Asks no metadata service unless something is configured here: without one, that takes seconds. */
export async function credentialsFor(environment: Environment): Promise<Credentials> {
  const found = credentialsIn(environment);
  // As the SDK has it, a profile that is named comes first.
  if (found !== undefined && !environment['AWS_PROFILE']) return found;
  if (!isAnyConfigured(environment)) return MEANINGLESS;
  try {
    const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
    return await defaultProvider()();
  } catch {
    // A profile without credentials, such as one that only names a Region.
    return MEANINGLESS;
  }
}

const VARIABLES = [
  'AWS_PROFILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
];

function isAnyConfigured(environment: Environment): boolean {
  const files = [
    environment['AWS_SHARED_CREDENTIALS_FILE'] ?? inHome(environment, 'credentials'),
    environment['AWS_CONFIG_FILE'] ?? inHome(environment, 'config'),
  ];
  return VARIABLES.some((name) => environment[name]) || files.some((file) => existsSync(file));
}

function inHome({ HOME }: Environment, name: string): string {
  return join(HOME ?? homeOfUser(), '.aws', name);
}

/** A user without an entry in the list of users has none. */
function homeOfUser(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}
