// What a service says no to: what is not allowed, not there, too much, or not now.

import type { ErrorLink } from './error-chain.ts';
import { actionOf, requestText } from './failed-request.ts';
import {
  choosingOthers,
  type FailureContext,
  type FailureRule,
  reachText,
  said,
  type Told,
} from './failure-rule.ts';
import { missingResource } from './missing-resource.ts';

export const SERVICE_FAILURES: readonly FailureRule[] = [
  {
    kind: 'denied',
    when: [
      'AccessDenied',
      'AccessDeniedException',
      'AuthorizationErrorException',
      'Forbidden',
      'KMSAccessDeniedException',
      'KmsAccessDenied',
      'NotAuthorized',
      'UnauthorizedOperation',
    ],
    status: 403,
    tell: denied,
  },
  {
    kind: 'missing',
    when: [
      'ResourceNotFoundException',
      'TableNotFoundException',
      'QueueDoesNotExist',
      'AWS.SimpleQueueService.NonExistentQueue',
      'NoSuchBucket',
      'NotFound',
      'StateMachineDoesNotExist',
      'ExecutionDoesNotExist',
    ],
    tell: ({ message }, { request, roleOf }) => missingResource(request, message, roleOf),
  },
  {
    kind: 'other-region',
    when: [
      'PermanentRedirect',
      'AuthorizationHeaderMalformed',
      'IllegalLocationConstraintException',
    ],
    // S3 answers to HeadBucket with the status alone.
    status: 301,
    tell: (link, { request }) => ({
      happened: `${request?.resource ?? 'The bucket'} is in another Region than ${request?.region ?? 'the configured one'} (${said(link)}).`,
      advice: 'Correct the Region in the configuration, or the name of the bucket.',
    }),
  },
  {
    kind: 'throttled',
    when: [
      'LimitExceededException',
      'ProvisionedThroughputExceededException',
      'RequestLimitExceeded',
      'RequestThrottled',
      'RequestThrottledException',
      'SlowDown',
      'Throttling',
      'ThrottledException',
      'ThrottlingException',
      'TooManyRequestsException',
    ],
    status: 429,
    tell: (link, { request }) => ({
      happened: `AWS still throttles ${requestText(request)} after all retries (${said(link)}).`,
      advice:
        'Wait a minute and run the command again, at a lower rate if it has such an option. If AWS still throttles, raise the capacity or the quota.',
    }),
  },
  {
    kind: 'busy',
    when: [
      'ResourceInUseException',
      'ResourceConflictException',
      'ConflictException',
      'TableInUseException',
      'OperationAborted',
      'QueueDeletedRecently',
      'TransactionConflictException',
    ],
    tell: (link, { request }) => ({
      happened: `${request?.resource ?? 'The resource'} is in use or is being changed. AWS rejected ${requestText(request)} (${said(link)}).`,
      advice: 'Wait until the other change is finished, and run the command again.',
    }),
  },
  {
    kind: 'service-failed',
    when: ({ name, status = 0 }) => BREAKDOWNS.includes(name) || status >= 500,
    tell: (link, { request }) => ({
      happened: `The service failed in ${requestText(request)} (${said(link)}).`,
      advice:
        'Run the command again. If the service still fails, see the AWS Health Dashboard for the Region.',
    }),
  },
];

const BREAKDOWNS: readonly string[] = [
  'InternalError',
  'InternalFailure',
  'InternalServerError',
  'InternalServiceError',
  'ServiceException',
  'ServiceUnavailable',
  'ServiceUnavailableException',
];

/** AWS names user, action, resource and policy in most denials, and nothing in others. */
function denied(link: ErrorLink, context: FailureContext): Told {
  const { message } = link;
  const { request } = context;
  const choosing = choosingOthers(context);
  const [, action = request && actionOf(request)] =
    /not authorized to perform:? ([\w-]+:\w+)/.exec(message) ?? [];
  const [, resource = request?.resource] =
    /on (?:the )?resource:? (\S+?)[.,]?(?=\s|$)/.exec(message) ?? [];
  const what = [
    action ?? 'this request',
    ...(resource === undefined ? [] : [`on ${resource}`]),
    ...(request?.region === undefined || resource?.startsWith('arn:')
      ? []
      : [`in ${request.region}`]),
  ].join(' ');
  return {
    happened: `These credentials may not call ${what} (${said(link)}).${reachText(context)}`,
    advice: /explicit deny/.test(message)
      ? `A policy denies it explicitly. Change that policy, or ${choosing.replace('others', 'other credentials')}.`
      : `Allow ${action ?? 'it'} for these credentials, or ${choosing}. docs/permissions.md has a policy for every command.`,
  };
}

/** An answer of another kind. */
export function refused(link: ErrorLink, { request }: FailureContext): Told {
  return {
    happened: `AWS rejected ${requestText(request)} (${said(link)}).`,
    advice: 'Check names, ARNs, URLs and Regions in the configuration and in the options.',
  };
}
