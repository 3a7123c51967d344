import { describe, expect, it } from 'vitest';
import type { FailureContext } from '../../src/failures/failure-rule.ts';
import { failureStory } from '../../src/failures/failure-story.ts';
import { resourceOf, serviceOf } from '../../src/failures/failed-request.ts';
import { unavailable, unusable } from '../../src/aws/credentials-unavailable.ts';
import { namedError, requestOf } from '../../src/errors.ts';
import { classifyFailure } from '../../src/model/write-failure.ts';

const REQUEST = {
  service: 'dynamodb',
  operation: 'DescribeTable',
  resource: 'Orders',
  region: 'us-east-1',
  endpoint: 'https://dynamodb.us-east-1.amazonaws.com',
};
const CONTEXT: FailureContext = { request: REQUEST, roleOf: () => undefined };

const story = (error: unknown, context: Partial<FailureContext> = {}) =>
  failureStory(error, { ...CONTEXT, ...context });
const network = (code: string, fields: object = {}) =>
  Object.assign(new Error(`connect ${code}`), { code, ...fields });
const answer = (name: string, message = name, httpStatusCode = 400) =>
  Object.assign(namedError(name, message), { $metadata: { httpStatusCode } });

describe('the network', () => {
  it('says which name has no address, and never speaks of credentials', () => {
    const failure = network('ENOTFOUND', { hostname: 'dynamodb.us-esat-1.amazonaws.com' });

    const { kind, happened, advice } = story(failure) ?? {};

    expect(kind).toBe('name-not-found');
    expect(happened).toBe(
      'The host name dynamodb.us-esat-1.amazonaws.com cannot be resolved (ENOTFOUND), for dynamodb:DescribeTable of Orders in us-east-1.',
    );
    expect(advice).toContain('Region');
    expect(`${happened} ${advice}`).not.toMatch(/credential/i);
  });

  it('is named also where it kept credentials from being fetched', () => {
    const failure = Object.assign(namedError('CredentialsProviderError', 'getaddrinfo'), {
      code: 'EAI_AGAIN',
      hostname: 'oidc.us-east-1.amazonaws.com',
    });

    expect(story(failure)).toMatchObject({
      kind: 'name-not-found',
      happened: expect.stringContaining('oidc.us-east-1.amazonaws.com'),
    });
  });

  it.each([
    ['ECONNREFUSED', 'connection-refused', 'Nothing listens at'],
    ['ECONNRESET', 'connection-broken', 'was closed'],
    ['UND_ERR_SOCKET', 'connection-broken', 'was closed'],
    ['EHOSTUNREACH', 'unreachable', 'There is no route to'],
    ['ENETUNREACH', 'unreachable', 'There is no route to'],
    ['ETIMEDOUT', 'no-answer', 'No response came from'],
    ['UND_ERR_CONNECT_TIMEOUT', 'no-answer', 'No response came from'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate', 'The TLS connection to'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate', 'The TLS connection to'],
    ['EPROTO', 'certificate', 'The TLS connection to'],
    ['HPE_INVALID_CONSTANT', 'foreign-answer', 'is not from this AWS service'],
  ])('%s is %s, with the endpoint and the request', (code, kind, words) => {
    const told = story(network(code));

    expect(told?.kind).toBe(kind);
    expect(told?.happened).toContain(words);
    expect(told?.happened).toContain('https://dynamodb.us-east-1.amazonaws.com');
    expect(told?.happened).toContain('dynamodb:DescribeTable of Orders in us-east-1');
    expect(told?.advice).not.toMatch(/AWS_PROFILE|log in/i);
  });

  it('quotes what is not the URL of an endpoint', () => {
    const failure = Object.assign(new TypeError('Invalid URL'), {
      code: 'ERR_INVALID_URL',
      input: 'garbage',
    });

    const told = story(failure);

    expect(told?.happened).toBe(
      '"garbage" is not the URL of an endpoint, for dynamodb:DescribeTable of Orders in us-east-1.',
    );
    expect(told?.advice).toContain('AWS_ENDPOINT_URL');
  });

  it.each(['TimeoutError', 'AbortError'])('%s is an answer that did not come in time', (name) => {
    expect(story(namedError(name))).toMatchObject({ kind: 'no-answer' });
  });

  it('is found in what gathers the tries of one connection, and behind what wraps it', () => {
    const tries = [
      network('ECONNREFUSED', { address: '::1', port: 8000 }),
      network('ECONNREFUSED', { address: '127.0.0.1', port: 8000 }),
    ];
    const gathered = new AggregateError(tries, '');
    const wrapped = new Error('fetch failed', { cause: gathered });

    for (const failure of [gathered, wrapped]) {
      expect(story(failure, { request: undefined })).toEqual({
        kind: 'connection-refused',
        happened: 'Nothing listens at ::1:8000 (ECONNREFUSED), for a request.',
        advice: expect.stringContaining('AWS_ENDPOINT_URL'),
      });
    }
  });

  it('is found in a chain that goes round in a circle', () => {
    const outer = new Error('outer');
    const inner = new Error('inner', { cause: outer });
    outer.cause = inner;

    expect(story(outer)).toBeUndefined();
    inner.cause = network('ECONNRESET');
    expect(story(outer)).toMatchObject({ kind: 'connection-broken' });
  });
});

describe('credentials that cannot be got', () => {
  const role = {
    service: 'sts',
    operation: 'AssumeRole',
    resource: 'arn:aws:iam::222222222222:role/ferry-orders-writer',
    region: 'us-east-1',
  };
  const secret = {
    service: 'secretsmanager',
    operation: 'GetSecretValue',
    resource: 'arn:aws:secretsmanager:us-east-1:111111111111:secret:keys-AbCdEf',
    region: 'us-east-1',
  };
  it.each([
    {
      error: unavailable(role, answer('AccessDenied', 'repeats MARK')),
      happened: `sts:AssumeRole on ${role.resource} of account 222222222222 in us-east-1 failed with AccessDenied.`,
      advice: 'sts:AssumeRole',
    },
    {
      error: unavailable(secret, network('ECONNREFUSED')),
      happened: `secretsmanager:GetSecretValue on ${secret.resource} of account 111111111111 in us-east-1 failed with ECONNREFUSED.`,
      advice: 'Check that the secret exists',
    },
    {
      error: unusable(secret, 'it has no accessKeyId'),
      happened: 'found a secret that cannot be used: it has no accessKeyId.',
      advice: 'Check that the secret exists',
    },
  ])('are named by call, account and Region: $happened', ({ error, happened, advice }) => {
    const told = story(error, { request: requestOf(error) });

    expect(told?.kind).toBe('credentials-unavailable');
    expect(told?.happened).toContain(happened);
    expect(told?.advice).toContain(advice);
    expect(classifyFailure(error).kind).toBe('denied');
    expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain('MARK');
  });
});

describe('credentials', () => {
  it.each([
    [
      namedError('CredentialsProviderError', 'Could not load credentials from any providers'),
      'credentials-missing',
      'No AWS credentials were found.',
      'AWS_ACCESS_KEY_ID',
    ],
    [
      namedError('CredentialsProviderError', 'Profile work could not be found'),
      'credentials-missing',
      'cannot be loaded: Profile work could not be found.',
      'AWS_PROFILE',
    ],
    [
      namedError(
        'CredentialsProviderError',
        "Token is expired. To refresh this SSO session run 'aws sso login' with the corresponding profile.",
      ),
      'sso-expired',
      'The SSO session cannot be used: Token is expired.',
      '`aws sso login`',
    ],
    [answer('ExpiredTokenException'), 'credentials-expired', 'have expired', 'Log in again'],
    [
      answer('UnrecognizedClientException'),
      'credentials-invalid',
      'rejected the credentials',
      'Region',
    ],
    [
      answer('InvalidSignatureException', 'The request signature we calculated does not match'),
      'credentials-invalid',
      'rejected the credentials',
      'secret access key',
    ],
    [
      answer('InvalidSignatureException', 'Signature not yet current: 20260131T1300Z'),
      'clock',
      'the clock of this machine is wrong',
      'Correct the clock',
    ],
    [
      answer('SignatureDoesNotMatch', 'Signature expired: 20260131T1200Z is now earlier'),
      'clock',
      'the clock of this machine is wrong',
      'Correct the clock',
    ],
    [
      answer('RequestTimeTooSkewed', 'The difference is too large', 403),
      'clock',
      'the clock',
      'Correct the clock',
    ],
    [
      answer('OptInRequired', '', 403),
      'region-disabled',
      'may not use us-east-1',
      'Enable the Region',
    ],
  ])('tells %s as %s', (failure, kind, happened, advice) => {
    const told = story(failure);

    expect(told?.kind).toBe(kind);
    expect(told?.happened).toContain(happened);
    expect(told?.advice).toContain(advice);
  });
});

it('names the profile that has no credentials', () => {
  const failure = namedError('CredentialsProviderError', 'Could not load from any providers');

  expect(story(failure, { profile: 'work' })?.happened).toBe(
    'No AWS credentials were found in the profile "work", which AWS_PROFILE names.',
  );
});

it('says that a profile with an MFA device cannot be used', () => {
  const message = 'Profile recovery requires multi-factor authentication, but no MFA code callback';
  const failure = namedError('CredentialsProviderError', message);

  for (const reach of [undefined, 'the destination by the profile "recovery"'])
    expect(story(failure, { reach })?.advice).toBe(
      'Ferry does not ask for MFA codes. Choose a profile that needs none, for example one of IAM Identity Center.',
    );
});

describe('permissions', () => {
  it('names user, action, resource and policy as AWS does', () => {
    const message =
      'User: arn:aws:sts::111122223333:assumed-role/dev/me is not authorized to perform: dynamodb:Scan on resource: arn:aws:dynamodb:us-east-1:111122223333:table/Orders because no identity-based policy allows the dynamodb:Scan action';

    expect(story(answer('AccessDeniedException', message))).toEqual({
      kind: 'denied',
      happened: `These credentials may not call dynamodb:Scan on arn:aws:dynamodb:us-east-1:111122223333:table/Orders (AccessDeniedException: ${message}).`,
      advice:
        'Allow dynamodb:Scan for these credentials, or choose others with AWS_PROFILE. docs/permissions.md has a policy for every command.',
    });
  });

  it.each([
    [
      { service: 's3', operation: 'ListObjectsV2', resource: 'a-bucket' },
      answer('AccessDenied', 'Access Denied', 403),
      's3:ListBucket on a-bucket in us-east-1',
    ],
    [
      { service: 's3', operation: 'HeadBucket', resource: 'a-bucket' },
      answer('UnknownError', '', 403),
      's3:ListBucket on a-bucket in us-east-1',
    ],
    [
      { service: 'states', operation: 'StartExecution', resource: 'arn:aws:states:x' },
      answer('AccessDeniedException', ''),
      'states:StartExecution on arn:aws:states:x (AccessDeniedException)',
    ],
  ])('names action and resource of %o where the service does not', (request, failure, words) => {
    expect(story(failure, { request: { ...REQUEST, ...request } })).toMatchObject({
      kind: 'denied',
      happened: expect.stringContaining(words),
    });
  });

  it('says how the configuration reaches the side, and does not speak of other profiles', () => {
    const reach = 'the destination by the profile "recovery"';
    const told = story(answer('AccessDeniedException', ''), { reach });

    expect(told?.happened).toContain(
      'The configuration reaches the destination by the profile "rec',
    );
    expect(told?.advice).toBe(
      'Allow dynamodb:DescribeTable for these credentials, or name others in the configuration. docs/permissions.md has a policy for every command.',
    );
  });

  it('says that a policy denies it explicitly', () => {
    const message = 'is not authorized to perform: sqs:ReceiveMessage with an explicit deny';

    expect(story(answer('AccessDenied', message))?.advice).toContain('Change that policy');
  });
});

describe('what is missing', () => {
  const missing = answer('ResourceNotFoundException', 'Requested resource not found');

  it.each([
    ['source', 'There is no source table Orders in us-east-1.', 'the Region of the source'],
    ['destination', 'There is no destination table Orders in us-east-1.', '--create-destination'],
    ['state', 'There is no state table Orders in us-east-1.', '"stateTable"'],
    [undefined, 'There is no table Orders in us-east-1.', 'Check its name'],
  ] as const)('is told for a %s table with the advice for that', (role, happened, advice) => {
    const told = story(missing, { roleOf: () => role });

    expect(told).toMatchObject({ kind: 'missing', happened });
    expect(told?.advice).toContain(advice);
    expect(told?.advice.includes('--create-destination')).toBe(role === 'destination');
  });

  it.each([
    [missing, 'lambda', 'GetFunctionConfiguration', 'x', 'There is no function x', 'cdk deploy'],
    [
      missing,
      'lambda',
      'UpdateEventSourceMapping',
      'x',
      'There is no event source mapping x',
      'cdk deploy',
    ],
    [
      answer('QueueDoesNotExist'),
      'sqs',
      'ReceiveMessage',
      'q',
      'There is no queue q',
      'cdk deploy',
    ],
    [answer('NoSuchBucket'), 's3', 'ListObjectsV2', 'b', 'There is no bucket b', 'cdk deploy'],
    [
      answer('StateMachineDoesNotExist'),
      'states',
      'StartExecution',
      'm',
      'There is no state machine m',
      '"bulk"',
    ],
    [
      missing,
      'dynamodb',
      'DescribeStream',
      'arn:aws:dynamodb:us-east-1:1:table/T/stream/1',
      'There is no stream arn',
      'Enable the stream',
    ],
  ])('%s of %s:%s %s', (failure, service, operation, resource, happened, advice) => {
    const told = story(failure, { request: { ...REQUEST, service, operation, resource } });

    expect(told?.kind).toBe('missing');
    expect(told?.happened).toContain(happened);
    expect(told?.advice).toContain(advice);
  });
});

it.each([
  [answer('ThrottlingException', 'Rate exceeded'), 'throttled', 'still throttles'],
  [answer('TooManyRequestsException', '', 429), 'throttled', 'still throttles'],
  [answer('ResourceInUseException'), 'busy', 'in use or is being changed'],
  [answer('InternalServerError', '', 500), 'service-failed', 'The service failed'],
  [answer('Whatever', '', 503), 'service-failed', 'The service failed'],
  [answer('PermanentRedirect', 'use us-west-2', 301), 'other-region', 'is in another Region'],
  [answer('301', 'UnknownError', 301), 'other-region', 'is in another Region than us-east-1 (301)'],
  [answer('InvalidParameterValueException', 'bad ARN'), 'refused', 'bad ARN'],
  [namedError('ForeignAnswer', 'a page'), 'foreign-answer', 'is not from this AWS service'],
  [new Error('Region is missing'), 'region-missing', 'No AWS Region'],
  [network('EADDRINUSE', { address: '127.0.0.1', port: 8001 }), 'port-in-use', 'Port 8001'],
  [network('EACCES', { path: '/r.jsonl', syscall: 'open' }), 'file', 'The file /r.jsonl'],
  [network('ENOSPC', { syscall: 'write' }), 'file', 'The file cannot be used'],
])('tells %s as %s', (failure, kind, words) => {
  const told = story(failure);

  expect(told?.kind).toBe(kind);
  expect(told?.happened).toContain(words);
  expect(told?.advice).toMatch(/^[A-Z].*\.$/);
});

it('has no story for a bug', () => {
  expect(story(new TypeError('x is not a function'))).toBeUndefined();
  expect(story('text')).toBeUndefined();
  expect(story(undefined)).toBeUndefined();
});

describe('a request', () => {
  it('is named as IAM names its service', () => {
    expect(
      ['DynamoDBClient', 'DynamoDBStreamsClient', 'SFNClient', 'SQSClient'].map(serviceOf),
    ).toEqual(['dynamodb', 'dynamodb', 'states', 'sqs']);
  });

  it('is told by the names in it, never by its items', () => {
    const put = { Put: { TableName: 'Orders', Item: { pk: { S: 'secret' } } } };
    const check = { ConditionCheck: { TableName: 'State', Key: {} } };

    expect(resourceOf({ TableName: 'Orders', Key: { pk: { S: 'secret' } } })).toBe('Orders');
    expect(resourceOf({ TransactItems: [put, check, put] })).toBe('Orders, State');
    expect(resourceOf({ RequestItems: { Orders: { Keys: [] } } })).toBe('Orders');
    expect(resourceOf({ MetricDataQueries: [] })).toBeUndefined();
  });
});
