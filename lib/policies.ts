// Parts of which the roles of this app are made.

import { Aws, Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

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

/** A role's policy of this name, where it has statements. */
export function optionalPolicy(
  name: string,
  statements: PolicyStatement[],
): Record<string, PolicyDocument> {
  return statements.length === 0 ? {} : { [name]: policy(...statements) };
}

export function allow(actions: string[], resource: string): PolicyStatement {
  return new PolicyStatement({ actions, resources: [resource] });
}
