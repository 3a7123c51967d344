// Errors of credentials that cannot be got. They name the call, the Region and the account, and nothing that a service
// has answered: it may repeat what was signed.

import { type FailedRequest, namedError, noteRequest } from '../errors.ts';

type Call = Omit<FailedRequest, 'endpoint' | 'resource'> & {
  /** Its ARN. */
  readonly resource: string;
};

const NAME = 'CredentialsUnavailable';
/** Of who calls: nothing was sent then. */
const NO_CREDENTIALS = [NAME, 'CredentialsProviderError', 'ProviderError', 'TokenProviderError'];

/** @param cause what has been thrown: where who calls has no credentials, that itself says what to do. */
export function unavailable(call: Call, cause: unknown): Error {
  if (cause instanceof Error && NO_CREDENTIALS.includes(cause.name)) return cause;
  return failed(call, `failed with ${nameOf(cause)}`);
}

/** @param why without a value of the secret. */
export function unusable(call: Call, why: string): Error {
  return failed(call, `found a secret that cannot be used: ${why}`);
}

/** A kind of `denied`: the change stays in the stream. */
function failed(call: Call, what: string): Error {
  const { service, operation, resource, region } = call;
  const account = resource.split(':')[4] ?? '';
  const message = `${service}:${operation} on ${resource} of account ${account} in ${region} ${what}`;
  const error = namedError(NAME, message);
  noteRequest(error, { ...call, endpoint: undefined });
  return error;
}

/** AccessDenied, ResourceNotFoundException, ECONNREFUSED, ... */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'an unknown error';
  const { code } = error as { readonly code?: unknown };
  return error.name === 'Error' && typeof code === 'string' ? code : error.name;
}
