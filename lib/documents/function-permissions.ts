// The roles of a template -> what each function may do, as IAM has it, with names instead of references.

import type { Resources } from './sample-templates.ts';

interface Role {
  readonly Description: string;
  readonly Policies: ReadonlyArray<{
    readonly PolicyName: string;
    readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  }>;
}

type Statement = Readonly<Record<string, unknown>>;

/** One heading and one policy for each role. */
export function functionPolicies(resources: Resources): string {
  return Object.values(resources)
    .filter(({ Type }) => Type === 'AWS::IAM::Role')
    .map(({ Properties }) => section(Properties as unknown as Role, resources))
    .join('\n\n');
}

function section({ Description, Policies }: Role, resources: Resources): string {
  const statements = Policies.flatMap(({ PolicyName, PolicyDocument: { Statement } }) =>
    Statement.map((statement, index) => ({
      Sid: `${PolicyName}${index === 0 ? '' : index + 1}`,
      ...(withNames(statement, (id) => PSEUDO[id] ?? arnOf(id, resources)) as object),
    })),
  );
  const title = Description.replace(/^Ferry \w+: /, '').replace(/^./, (one) => one.toUpperCase());
  return `### ${title}\n\n${policyBlock(statements)}`;
}

export function policyBlock(statements: readonly object[]): string {
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

/** Of a resource in the stack, by its logical id. */
function arnOf(id: string, resources: Resources): string {
  const { Type, Properties } = resources[id] ?? { Type: 'none', Properties: {} };
  const arn = (service: string, name: unknown) =>
    `arn:aws:${service}:us-east-1:${ACCOUNT}:${String(name)}`;
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
