// What roles may do -> policies of the CDK, with CloudFormation's references for what it creates.

import { ArnFormat, Aws, Stack, Token, Validations } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { type Partition, partitionOf } from '../src/config/partition.ts';
import type { ReplicationConfig, TableConfig } from '../src/config/schema.ts';
import { type Arns, arnsOf, type Owner } from '../src/permissions/arns.ts';
import type { Needs, Place, Statement } from '../src/permissions/statement.ts';

/** Of a Region that only a deployment knows, CloudFormation fills the partition in. */
export function partitionAt(region: string): Partition {
  if (!Token.isUnresolved(region)) return partitionOf(region);
  return { name: Aws.PARTITION, dnsSuffix: Aws.URL_SUFFIX };
}

/** Of a resource in this account and Region. */
export function arnHere(scope: Construct, service: string, resource: string): string {
  const { NO_RESOURCE_NAME: arnFormat } = ArnFormat;
  return Stack.of(scope).formatArn({ partition: Aws.PARTITION, service, resource, arnFormat });
}

/**
 * What statements are about in this stack. The accounts of both sides are the stack's, unless the configuration has them.
 * @param known what the stack itself knows better than by name.
 */
export function arnsIn(
  scope: Construct,
  replication: ReplicationConfig,
  known: Partial<Record<Place, string>> = {},
): Arns {
  return arnsOf(replication, { ...ownersIn(scope, replication), partitionAt, known });
}

/** Of both sides, for CloudFormation. */
export function ownersIn(
  scope: Construct,
  { source, destination }: ReplicationConfig,
): Record<'source' | 'destination', Owner> {
  const owner = ({ account = Stack.of(scope).account }: TableConfig) => {
    return { partition: Aws.PARTITION, account };
  };
  return { source: owner(source), destination: owner(destination) };
}

/** One document for each need. */
export function policiesOf(needs: Needs): Record<string, PolicyDocument> {
  return Object.fromEntries(
    Object.entries(needs).map(([name, statements]) => [name, policyDocument(statements)]),
  );
}

export function policyDocument(all: readonly Statement[]): PolicyDocument {
  const statements = all.map(
    ({ actions, resource, conditions }) =>
      new PolicyStatement({ actions: [...actions], resources: [resource], conditions }),
  );
  return new PolicyDocument({ statements });
}

/** Why the resources of a place have a wildcard. */
const WILDCARDS: Partial<Record<Place, string>> = {
  anything: 'IAM knows no resource to which these actions could be limited.',
  anythingThere: 'IAM knows no resource to which these actions could be limited.',
  objects: 'Lambda chooses the names of the objects that it writes to this bucket.',
  reports: 'Each report is an object of its own, under this prefix.',
  batches: 'Each batch that Lambda gives up is an object of its own, under this prefix.',
  executions: 'A segment runs as an execution of this state machine; Step Functions names them.',
  segments: 'A segment runs as an execution of this state machine; Step Functions names them.',
  reconcileRuns: 'The rule starts an execution of this state machine; EventBridge names them.',
  bucket:
    'CloudFormation chooses the end of the name of the bucket, in the stack of the other direction.',
  history: 'A log group is named with what is in it; it has one stream.',
  stream: 'DynamoDB makes the end of the ARN of the stream, in the stack of the other direction.',
  mappings: 'Lambda gives an event source mapping its id; the operator finds it by the function.',
};

/** Answers cdk-nag's finding about each resource with a wildcard in a role's policies. */
export function acknowledgeWildcards(role: Construct, needs: Needs): void {
  const findings = Object.values(needs)
    .flat()
    .flatMap(({ place, resource }) => {
      const reason = WILDCARDS[place];
      if (reason === undefined) return [];
      const found = asFound(Stack.of(role).resolve(resource));
      if (!found.includes('*')) return [];
      return { id: `AwsSolutions-IAM5[Resource::${found}]`, reason };
    });
  Validations.of(role).acknowledge(...findings);
}

/** cdk-nag writes what CloudFormation fills in as `<Id>` or `<Id.Attribute>`. */
function asFound(resource: unknown): string {
  if (typeof resource === 'string') return resource;
  const [[kind, content] = []] = Object.entries(resource as object);
  if (kind === 'Fn::Join') return (content as [string, unknown[]])[1].map(asFound).join('');
  return `<${[content].flat().join('.')}>`;
}
