// Failures of who asks: credentials that are missing, expired or not accepted, and a clock that makes them so.

import { requestText } from './failed-request.ts';
import {
  choosingOthers,
  type FailureContext,
  type FailureRule,
  reachText,
  shortened,
} from './failure-rule.ts';

function loadingAdvice(message: string, { reach }: Pick<FailureContext, 'reach'>): string {
  if (/multi-factor/.test(message))
    return 'Ferry does not ask for MFA codes. Choose a profile that needs none, for example one of IAM Identity Center.';
  return reach
    ? 'Check the name in the configuration, and the profile in the AWS configuration files. Log in again if its credentials come from a login.'
    : 'Log in with the AWS CLI, name a profile that has credentials in AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.';
}

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
    kind: 'credentials-unavailable',
    when: ['CredentialsUnavailable'],
    tell: ({ message }, { request }) => ({
      happened: `The credentials of one side are not available: ${shortened(message)}.`,
      advice:
        request?.service === 'sts'
          ? 'Check that the role is deployed ("operatorRole": true), that its policy trusts the account and the role that assume it, and that these may call sts:AssumeRole. Or name a profile for each side.'
          : 'Check that the secret exists, that it has accessKeyId and secretAccessKey, and that these credentials may call secretsmanager:GetSecretValue.',
    }),
  },
  {
    kind: 'sso-expired',
    when: ({ name, message }) =>
      /^(CredentialsProviderError|TokenProviderError|ProviderError)$/.test(name) &&
      /sso/i.test(message),
    tell: (link, context) => ({
      happened: `The SSO session cannot be used: ${shortened(link.message)}.${reachText(context)}`,
      advice:
        'Run `aws sso login`, with --profile if a profile is set. Then run the command again.',
    }),
  },
  {
    kind: 'credentials-expired',
    when: ['ExpiredToken', 'ExpiredTokenException', 'RequestExpired', 'TokenRefreshRequired'],
    tell: (link, context) => ({
      happened: `The AWS credentials of ${requestText(context.request)} have expired (${link.name}).${reachText(context)}`,
      advice: 'Log in again, for example with `aws sso login`, or renew the session token.',
    }),
  },
  {
    kind: 'credentials-missing',
    when: ({ name, message }) =>
      ['CredentialsProviderError', 'TokenProviderError', 'ProviderError'].includes(name) ||
      /^(Credential is missing|Resolved credential object is not valid)/.test(message) ||
      ['MissingAuthenticationToken', 'MissingAuthenticationTokenException'].includes(name),
    tell: (link, { profile, ...context }) => ({
      happened: /from any providers|is missing/.test(link.message)
        ? `No AWS credentials were found${profile ? ` in the profile "${profile}", which AWS_PROFILE names` : ''}.`
        : `The AWS credentials cannot be loaded: ${shortened(link.message)}.${reachText(context)}`,
      advice: loadingAdvice(link.message, context),
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
    tell: (link, context) => ({
      happened: `AWS rejected the credentials of ${requestText(context.request)} (${link.name}).${reachText(context)}`,
      advice: SIGNATURE.includes(link.name)
        ? `The secret access key does not belong to the access key. Check both, or ${choosingOthers(context)}.`
        : `Check the access key and the session token, or ${choosingOthers(context)}. A Region that is not enabled in the account also rejects all credentials.`,
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
