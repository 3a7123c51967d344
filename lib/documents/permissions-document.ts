// The roles of a template, and what each command asks for -> the policies of docs/permissions.md.

import { actionsByPlace, COMMANDS, type CommandNeeds, type Place } from '../operator-needs.ts';
import type { Resources } from './sample-templates.ts';

interface Role {
  readonly Description: string;
  readonly Policies: ReadonlyArray<{
    readonly PolicyName: string;
    readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  }>;
}

type Statement = Readonly<Record<string, unknown>>;

/** One heading and one policy for each role, as IAM has it, with names instead of references. */
export function functionPolicies(resources: Resources): string {
  return Object.values(resources)
    .filter(({ Type }) => Type === 'AWS::IAM::Role')
    .map(({ Properties }) => roleSection(Properties as unknown as Role, resources))
    .join('\n\n');
}

function roleSection({ Description, Policies }: Role, resources: Resources): string {
  const statements = Policies.flatMap(({ PolicyName, PolicyDocument: { Statement } }) =>
    Statement.map((statement, index) => ({
      Sid: `${PolicyName}${index === 0 ? '' : index + 1}`,
      ...(withNames(statement, (id) => PSEUDO[id] ?? arnOf(id, resources)) as object),
    })),
  );
  const title = Description.replace(/^Ferry \w+: /, '').replace(/^./, (one) => one.toUpperCase());
  return `### ${title}\n\n${policyBlock(statements)}`;
}

function policyBlock(statements: readonly object[]): string {
  const policy = { Version: '2012-10-17', Statement: statements };
  // Lists of names in one line each.
  const json = JSON.stringify(policy, null, 2).replaceAll(
    /\[\s+("[^\]{}]*")\s+\]/g,
    (_, names: string) => `[${names.replaceAll(/\s+/g, ' ')}]`,
  );
  return ['```json', json, '```'].join('\n');
}

/** The same value, with text instead of every reference: `nameOf` has it, by logical id or pseudo parameter. */
export function withNames(value: unknown, nameOf: (id: string) => string): unknown {
  if (Array.isArray(value)) return value.map((one) => withNames(one, nameOf));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value) as Array<[string, unknown]>;
  const [[kind, content] = ['', '']] = members;
  if (kind === 'Ref') return nameOf(content as string);
  if (kind === 'Fn::GetAtt') return nameOf((content as [string, string])[0]);
  if (kind === 'Fn::Join') {
    const [separator, parts] = content as [string, unknown[]];
    return parts.map((part) => withNames(part, nameOf)).join(separator);
  }
  if (kind.startsWith('Fn::')) throw new Error(`What does ${kind} stand for?`);
  return Object.fromEntries(members.map(([key, one]) => [key, withNames(one, nameOf)]));
}

const ACCOUNT = '111122223333';
const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::AccountId': ACCOUNT,
  'AWS::Region': 'us-east-1',
  'AWS::URLSuffix': 'amazonaws.com',
};

function arnIn(region: string, service: string, resource: string): string {
  return `arn:aws:${service}:${region}:${ACCOUNT}:${resource}`;
}

/** Of a resource in the stack, by its logical id. */
function arnOf(id: string, resources: Resources): string {
  const { Type, Properties } = resources[id] ?? { Type: 'none', Properties: {} };
  const arn = (service: string, name: unknown) => arnIn('us-east-1', service, String(name));
  switch (Type) {
    case 'AWS::SQS::Queue':
      return arn('sqs', Properties['QueueName']);
    case 'AWS::Logs::LogGroup':
      return arn('logs', `log-group:${String(Properties['LogGroupName'])}:*`);
    case 'AWS::Lambda::Function':
      return arn('lambda', `function:${String(Properties['FunctionName'])}`);
    case 'AWS::StepFunctions::StateMachine':
      return arn('states', `stateMachine:${String(Properties['StateMachineName'])}`);
    case 'AWS::S3::Bucket':
      return 'arn:aws:s3:::BUCKET';
    default:
      throw new Error(`What is the ARN of ${id}, a ${Type}?`);
  }
}

const table = (region: string, name: string) => arnIn(region, 'dynamodb', `table/${name}`);
const inSource = (service: string, name: string) => arnIn('us-east-1', service, name);

const RESOURCES: Readonly<Record<Place, string | readonly string[]>> = {
  source: table('us-east-1', 'Orders'),
  twin: table('eu-west-1', 'Orders'),
  state: table('eu-west-1', 'ferry-orders-state'),
  replicate: inSource('lambda', 'function:ferry-orders-replicate'),
  heartbeat: inSource('lambda', 'function:ferry-orders-heartbeat'),
  bulkFunction: inSource('lambda', 'function:ferry-orders-bulk'),
  stateMachine: inSource('states', 'stateMachine:ferry-orders-bulk'),
  executions: inSource('states', 'execution:ferry-orders-bulk:*'),
  mappings: inSource('lambda', 'event-source-mapping:*'),
  deadLetters: inSource('sqs', 'ferry-orders-dead-letters'),
  lookAgain: inSource('sqs', 'ferry-orders-look-again'),
  bucket: ['arn:aws:s3:::BUCKET', 'arn:aws:s3:::BUCKET/*'],
  anything: '*',
};

/** One heading and one policy for each command, and a second policy for `--apply`. */
export function operatorPolicies(): string {
  return COMMANDS.map(commandSection).join('\n\n');
}

function commandSection({ command, always, apply }: CommandNeeds): string {
  const more = apply.filter((need) => !always.includes(need));
  const first = `### ferry ${command}\n\n${policyBlock(statements(always))}`;
  return more.length === 0
    ? first
    : `${first}\n\nTo add for \`--apply\`:\n\n${policyBlock(statements(more))}`;
}

/** One for each place, with all that is done there. */
function statements(needs: readonly string[]): object[] {
  return [...actionsByPlace(needs)].map(([place, actions]) => ({
    Effect: 'Allow',
    Action: actions.toSorted(),
    Resource: RESOURCES[place],
  }));
}
