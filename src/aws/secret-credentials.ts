// Credentials from a secret of AWS Secrets Manager: for another partition, whose roles cannot be assumed from this one.
// Any rotation may rewrite the secret, so it is read again every few minutes.

import type { CredentialSource } from './access.ts';
import { type AskingOptions, type FoundCredentials, keptCredentials } from './credential-source.ts';
import { unavailable, unusable } from './credentials-unavailable.ts';
import { secretText } from './secret-value.ts';

export interface SecretOptions extends AskingOptions {
  /** Its ARN. */
  readonly secret: string;
}

const AGE_MS_MAX = 5 * 60_000;

/** Its failures count as `denied`. */
export function secretCredentials(options: SecretOptions): CredentialSource {
  return keptCredentials({ ...options, find: () => read(options), ageMsMax: AGE_MS_MAX });
}

async function read({ secret, by }: SecretOptions): Promise<FoundCredentials> {
  const { region } = by;
  const call = { service: 'secretsmanager', operation: 'GetSecretValue', resource: secret, region };
  const text = await secretText({ secret }, by).catch((error: unknown) => {
    throw unavailable(call, error);
  });
  const found = credentialsIn(text);
  if (typeof found !== 'string') return found;
  throw unusable(call, found);
}

const isTime = (text: string) =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text) &&
  !Number.isNaN(Date.parse(text));
const isPrintable = (text: string) => /^[!-~]+$/.test(text);

/** What the members of a secret must look like: they become parts of headers. */
const MEMBERS = [
  {
    name: 'accessKeyId',
    isFit: (text: string) => /^\w{3,128}$/.test(text),
    is: 'an access key ID',
  },
  { name: 'secretAccessKey', isFit: isPrintable, is: 'text without spaces' },
  { name: 'sessionToken', isFit: isPrintable, is: 'text without spaces', isOptional: true },
  { name: 'expiration', isFit: isTime, is: 'a time as 2026-01-31T12:00:00Z', isOptional: true },
] as const;

/** @returns the credentials, or what is wrong with the secret, without any of its values. */
export function credentialsIn(text: string | undefined): FoundCredentials | string {
  if (text === undefined) return 'it has no text';
  const members = objectIn(text);
  if (members === undefined) return 'it is not a JSON object';
  const problems = MEMBERS.flatMap(({ name, isFit, is, ...more }) => {
    const value = members[name];
    if (value === undefined) return 'isOptional' in more ? [] : [`it has no ${name}`];
    return typeof value === 'string' && isFit(value) ? [] : [`its ${name} is not ${is}`];
  });
  if (problems.length > 0) return problems.join(', and ');
  const { accessKeyId = '', secretAccessKey = '', sessionToken, expiration } = members as Texts;
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
    ...(expiration !== undefined && { expiration: new Date(expiration) }),
  };
}

type Texts = Readonly<Record<string, string>>;

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return { ...value };
  } catch {
    // The parser's own error has a part of the text in it.
    return undefined;
  }
}
