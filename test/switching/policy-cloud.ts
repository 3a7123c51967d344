// Stands in for DynamoDB's resource policies of one table, in the SDK's own protocol: a change shows late, works late
// and not on every host at once, and no other change is taken for 15 seconds. Puts are decided by the policy, never
// written. Time is the test's.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../../src/ports.ts';

export interface PolicyCloud {
  readonly endpoint: string;
  readonly clock: Clock;
  /** Until a change is shown by GetResourcePolicy. @default 0 */
  shownAfterMs: number;
  /** Until a change decides on requests. @default 0 */
  effectiveAfterMs: number;
  /** Whether a put, counted from 1, meets a host that decides by the policy before. @default none */
  leaks: (put: number) => boolean;
  /** ARNs by access key. */
  readonly principals: Map<string, string>;
  /** Beside the policy: what IAM says of a principal's puts. @default they are allowed */
  denial: ((principal: string) => string | undefined) | undefined;
  /** Runs before each change, as an editor who is faster. */
  before: (() => void) | undefined;
  /** Names of errors, one for each of the puts that come next. */
  readonly faults: string[];
  readonly puts: Array<{ readonly principal: string; readonly socket: Socket }>;
  /** Changes that were taken. */
  readonly changes: number;
  policy(): string | undefined;
  /** As another editor does, in the pause, too: a deployment, or the console. */
  overwrite(policy: string | undefined): void;
  close(): Promise<void>;
}

export const TABLE_ARN = 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders';
const PAUSE_MS = 15_000;
const BYTES_MAX = 20_480;

interface Version {
  readonly policy: string | undefined;
  readonly fromMs: number;
}

export async function openPolicyCloud(first?: string, tableArn = TABLE_ARN): Promise<PolicyCloud> {
  let nowMs = Date.UTC(2026, 0, 31, 12);
  const versions: Version[] = [{ policy: first, fromMs: nowMs - 3_600_000 }];
  let lastChangeMs = -Infinity;
  const newest = (lagMs = 0, skip = 0) => {
    const old = versions.filter(({ fromMs }) => fromMs <= nowMs - lagMs);
    return old.at(old.length > skip ? -1 - skip : -1)?.policy;
  };
  const set = (policy: string | undefined) => versions.push({ policy, fromMs: nowMs });
  const counts = { changes: 0 };

  const change = (input: Input): Answer => {
    cloud.before?.();
    const { Policy, ExpectedRevisionId } = input;
    const current = newest();
    if (input.ResourceArn !== tableArn) return refused('ResourceNotFoundException');
    if (ExpectedRevisionId !== undefined && ExpectedRevisionId !== revisionOf(current))
      return refused('PolicyNotFoundException');
    if (Policy !== undefined && Buffer.byteLength(Policy) > BYTES_MAX)
      return refused('ValidationException', 'the policy is too large');
    if (Policy === current) return { status: 200, body: { RevisionId: revisionOf(current) } };
    if (nowMs < lastChangeMs + PAUSE_MS) return refused('ResourceInUseException');
    set(Policy);
    lastChangeMs = nowMs;
    counts.changes += 1;
    return { status: 200, body: { RevisionId: revisionOf(Policy) } };
  };

  const put = (message: IncomingMessage, input: Input): Answer => {
    const [, key = ''] = /Credential=([^/]+)/.exec(message.headers.authorization ?? '') ?? [];
    const principal = cloud.principals.get(key) ?? `arn:aws:iam::111122223333:role/${key}`;
    cloud.puts.push({ principal, socket: message.socket });
    const fault = cloud.faults.shift();
    if (fault !== undefined) return refused(fault, fault);
    const denied = cloud.denial?.(principal);
    const action = 'dynamodb:PutItem';
    const about = `User: ${principal} is not authorized to perform: ${action} on resource: ${tableArn}`;
    if (denied !== undefined) return refused('AccessDeniedException', `${about} ${denied}`);
    const leaks = cloud.leaks(cloud.puts.length);
    const policy = newest(cloud.effectiveAfterMs, leaks ? 1 : 0);
    if (isDenied(policy, principal, action))
      return refused(
        'AccessDeniedException',
        `${about} with an explicit deny in a resource-based policy`,
      );
    if (input.ConditionExpression === 'attribute_exists(#pk) AND attribute_not_exists(#pk)')
      return refused('ConditionalCheckFailedException', 'The conditional request failed');
    throw new Error('something else than a probe has been sent');
  };

  const answer = (message: IncomingMessage, input: Input): Answer => {
    const operation = String(message.headers['x-amz-target']).split('.').at(-1);
    if (operation === 'PutItem') return put(message, input);
    if (operation !== 'GetResourcePolicy') return change(input);
    const shown = newest(cloud.shownAfterMs);
    if (shown === undefined) return refused('PolicyNotFoundException');
    return { status: 200, body: { Policy: shown, RevisionId: revisionOf(shown) } };
  };

  const server = createServer((message, response) => {
    let text = '';
    message.on('data', (chunk: Buffer) => (text += chunk.toString()));
    message.on('end', () => {
      const { status, body } = answer(message, JSON.parse(text) as Input);
      response.setHeader('x-amzn-requestid', 'TEST');
      response.writeHead(status).end(JSON.stringify(body));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  const cloud: PolicyCloud = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clock: {
      now: () => nowMs,
      async sleep(ms) {
        nowMs += ms;
      },
    },
    shownAfterMs: 0,
    effectiveAfterMs: 0,
    leaks: () => false,
    principals: new Map(),
    denial: undefined,
    before: undefined,
    faults: [],
    puts: [],
    get changes() {
      return counts.changes;
    },
    policy: () => newest(),
    overwrite: set,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return cloud;
}

interface Input {
  readonly ResourceArn?: string;
  readonly Policy?: string;
  readonly ExpectedRevisionId?: string;
  readonly ConditionExpression?: string;
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

function refused(name: string, message = name): Answer {
  return { status: 400, body: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message } };
}

function revisionOf(policy: string | undefined): string {
  return policy === undefined ? 'NO_POLICY' : createHash('md5').update(policy).digest('hex');
}

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | string[]>>>>;
}

/** Of the denials, whose principals are all in conditions. */
export function isDenied(policy: string | undefined, principal: string, action: string): boolean {
  if (policy === undefined) return false;
  const { Statement } = JSON.parse(policy) as { Statement: Statement | Statement[] };
  return [Statement].flat().some(({ Effect, Action, Condition = {} }) => {
    const holds = Object.entries(Condition).every(
      ([operator, { 'aws:PrincipalArn': arns = [] }]) => {
        const isOne = [arns].flat().some((pattern) => patternOf(pattern).test(principal));
        return operator === 'ArnEquals' ? isOne : operator === 'ArnNotEquals' && !isOne;
      },
    );
    return Effect === 'Deny' && [Action].flat().includes(action) && holds;
  });
}

function patternOf(arn: string): RegExp {
  const escaped = arn.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('*', '.*')}$`);
}
