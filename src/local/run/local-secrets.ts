// Secrets Manager on loopback, for the keys of hashes. The text of a secret is made of its name and version, so that
// equal values have equal hashes in every local run, and no real key is needed.

import { describeError } from '../../errors.ts';
import { serve, type ServiceServer } from '../loopback/service.ts';
import { refusal, toAnswer } from './region-apis.ts';

/** A request is far smaller. */
const REQUEST_BYTES_MAX = 64 * 1024;

export function startLocalSecrets(): Promise<ServiceServer> {
  return serve({
    name: 'Secrets Manager of this run',
    bodyBytesMax: REQUEST_BYTES_MAX,
    perform({ headers, body }) {
      const operation = String(headers['x-amz-target'] ?? '');
      if (operation !== 'secretsmanager.GetSecretValue')
        return toAnswer(refusal('InvalidRequestException', `ferry local has no ${operation}`));
      const { SecretId, VersionId } = JSON.parse(body.toString()) as Record<string, string>;
      const SecretString = `ferry local ${SecretId} ${VersionId}`;
      return toAnswer({ status: 200, body: { ARN: SecretId, VersionId, SecretString } });
    },
    refuse: (error) => toAnswer(refusal('InvalidRequestException', describeError(error))),
    tooLong: () => new Error(`a request must not exceed ${REQUEST_BYTES_MAX} B`),
  });
}
