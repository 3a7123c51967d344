// Failures of who asks: credentials that are missing, expired or not accepted, and a clock that makes them so.

import { requestText } from './failed-request.ts';
import { type FailureRule, shortened } from './failure-rule.ts';

const SIGNATURE: readonly string[] = ['InvalidSignatureException', 'SignatureDoesNotMatch'];

export const CREDENTIAL_FAILURES: readonly FailureRule[] = [
  {
    kind: 'clock',
    when: ({ name, message }) =>
      ['RequestTimeTooSkewed', 'RequestInTheFuture'].includes(name) ||
      (SIGNATURE.includes(name) && /not yet current|expired/i.test(message)),
    tell: (link, { request }) => ({
      happened: `AWS rejected ${requestText(request)}, because the clock of this machine is wrong: ${shortened(link.message)}.`,
      advice:
        'Correct the clock, for example with NTP. AWS rejects a signature whose time is off by more than five minutes.',
    }),
  },
  {
    kind: 'sso-expired',
    when: ({ name, message }) =>
      /^(CredentialsProviderError|TokenProviderError|ProviderError)$/.test(name) &&
      /sso/i.test(message),
    tell: (link) => ({
      happened: `The SSO session cannot be used: ${shortened(link.message)}.`,
      advice:
        'Run `aws sso login`, with --profile if AWS_PROFILE is set. Then run the command again.',
    }),
  },
  {
    kind: 'credentials-expired',
    when: ['ExpiredToken', 'ExpiredTokenException', 'RequestExpired', 'TokenRefreshRequired'],
    tell: (link, { request }) => ({
      happened: `The AWS credentials of ${requestText(request)} have expired (${link.name}).`,
      advice: 'Log in again, for example with `aws sso login`, or renew the session token.',
    }),
  },
  {
    kind: 'credentials-missing',
    when: ({ name, message }) =>
      ['CredentialsProviderError', 'TokenProviderError', 'ProviderError'].includes(name) ||
      /^(Credential is missing|Resolved credential object is not valid)/.test(message) ||
      ['MissingAuthenticationToken', 'MissingAuthenticationTokenException'].includes(name),
    tell: (link, { profile }) => ({
      happened: /from any providers|is missing/.test(link.message)
        ? `No AWS credentials were found${profile ? ` in the profile "${profile}", which AWS_PROFILE names` : ''}.`
        : `The AWS credentials cannot be loaded: ${shortened(link.message)}.`,
      advice:
        'Log in with the AWS CLI, name a profile that has credentials in AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    }),
  },
  {
    kind: 'credentials-invalid',
    when: [
      'UnrecognizedClientException',
      'InvalidClientTokenId',
      'InvalidAccessKeyId',
      'InvalidToken',
      'IncompleteSignature',
      'IncompleteSignatureException',
      'InvalidSignatureException',
      'SignatureDoesNotMatch',
      'InvalidSecurity',
    ],
    tell: (link, { request }) => ({
      happened: `AWS rejected the credentials of ${requestText(request)} (${link.name}).`,
      advice: SIGNATURE.includes(link.name)
        ? 'The secret access key does not belong to the access key. Check both, or choose others with AWS_PROFILE.'
        : 'Check the access key and the session token, or choose others with AWS_PROFILE. A Region that is not enabled in the account also rejects all credentials.',
    }),
  },
  {
    kind: 'region-disabled',
    when: ['OptInRequired', 'SubscriptionRequiredException', 'AuthorizationError'],
    tell: (link, { request }) => ({
      happened: `The account may not use ${request?.region ?? 'this Region'} (${link.name}), in ${requestText(request)}.`,
      advice: 'Enable the Region in the account, or correct it in the configuration.',
    }),
  },
  {
    kind: 'region-missing',
    when: ({ message }) => message === 'Region is missing',
    tell: () => ({
      happened: 'No AWS Region is set.',
      advice: 'Set AWS_REGION, or a region in the profile that AWS_PROFILE names.',
    }),
  },
];
