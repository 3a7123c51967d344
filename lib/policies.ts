// Parts of which the roles of this app are made.

import { Aws, Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { TableConfig } from '../src/config.ts';

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

/**
 * DynamoDB opens a table's own key on behalf of whoever reads or writes the table or its stream;
 * the key is of no use to a function in any other way.
 */
export function useOfKey({ region, kmsKeyArn }: TableConfig): PolicyStatement[] {
  if (kmsKeyArn === undefined) return [];
  const viaDynamoDB = { 'kms:ViaService': `dynamodb.${region}.${Aws.URL_SUFFIX}` };
  const statement = allow(['kms:Decrypt', 'kms:DescribeKey'], kmsKeyArn);
  statement.addCondition('StringEquals', viaDynamoDB);
  return [statement];
}

/** A policy takes no other characters than these, and reads `${` as the beginning of a variable. */
export function fitsPolicy(text: string): boolean {
  return /^[\u0020-\u00ff]*$/.test(text) && !text.includes('${');
}

export function policy(...statements: PolicyStatement[]): PolicyDocument {
  return new PolicyDocument({ statements });
}

export function allow(actions: string[], resource: string): PolicyStatement {
  return new PolicyStatement({ actions, resources: [resource] });
}
