// Statements that the roles of this app share.

import { ArnFormat, Aws, Stack, Token, Validations } from 'aws-cdk-lib';
import { type Conditions, PolicyDocument, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { type Partition, partitionOf } from '../src/config/partition.ts';

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

/** Of a table in this account. */
export function tableArn(scope: Construct, region: string, tableName: string): string {
  return Stack.of(scope).formatArn({
    partition: Aws.PARTITION,
    service: 'dynamodb',
    region,
    resource: 'table',
    resourceName: tableName,
  });
}

/** A policy takes no other characters than these, and reads `${` as the beginning of a variable. */
export function fitsPolicy(text: string): boolean {
  return /^[\u0020-\u00ff]*$/.test(text) && !text.includes('${');
}

export function policy(...statements: PolicyStatement[]): PolicyDocument {
  return new PolicyDocument({ statements });
}

export function allow(
  actions: readonly string[],
  resource: string,
  conditions: Conditions = {},
): PolicyStatement {
  return new PolicyStatement({ actions: [...actions], resources: [resource], conditions });
}

/** Answers cdk-nag's finding about each resource with a wildcard in a role's policies. */
export function acknowledgeWildcards(role: Role, reasons: Readonly<Record<string, string>>): void {
  const findings = Object.entries(reasons).map(([resource, reason]) => ({
    id: `AwsSolutions-IAM5[Resource::${asFound(Stack.of(role).resolve(resource))}]`,
    reason,
  }));
  Validations.of(role).acknowledge(...findings);
}

/** cdk-nag writes what CloudFormation fills in as `<Id>` or `<Id.Attribute>`. */
function asFound(resource: unknown): string {
  if (typeof resource === 'string') return resource;
  const [[kind, content] = []] = Object.entries(resource as object);
  if (kind === 'Fn::Join') return (content as [string, unknown[]])[1].map(asFound).join('');
  return `<${[content].flat().join('.')}>`;
}
