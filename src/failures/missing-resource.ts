// What AWS does not have -> what it is for Ferry, and what to do about exactly that.

import type { FailedRequest } from '../errors.ts';
import type { TableRole, Told } from './failure-rule.ts';

export interface NamedTable {
  readonly table: string;
  readonly region: string;
  readonly role: TableRole | undefined;
}

const ACCOUNT = 'that the credentials belong to the account that has it';
const DEPLOY = `Deploy the replication with \`npx cdk deploy --all\`, or check ${ACCOUNT}.`;

export function missingTable({ table, region, role }: NamedTable): Told {
  const what = role === undefined ? 'table' : TABLES[role].what;
  return {
    happened: `There is no ${what} ${table} in ${region}.`,
    advice:
      role === undefined ? `Check its name and its Region, and ${ACCOUNT}.` : TABLES[role].advice,
  };
}

const TABLES = {
  source: {
    what: 'source table',
    advice: `Check the name and the Region of the source, and ${ACCOUNT}.`,
  },
  destination: {
    what: 'destination table',
    advice: `Check the name and the Region of the destination, and ${ACCOUNT}. To create it, \`ferry init SOURCE DESTINATION --create-destination\` prints CDK code for a table like the source.`,
  },
  state: {
    what: 'state table',
    advice: `Deploy the replication with \`npx cdk deploy --all\`, correct "stateTable" in the configuration, or check ${ACCOUNT}.`,
  },
} as const;

/** @param roleOf what the configuration has a table for. */
export function missingResource(
  request: FailedRequest | undefined,
  message: string,
  roleOf: (table: string, region: string) => TableRole | undefined,
): Told {
  const { service, resource, region = 'this Region' } = request ?? {};
  if (resource === undefined) {
    return { happened: `AWS does not have the requested resource: ${message}`, advice: DEPLOY };
  }
  if (service === 'dynamodb' && !resource.includes('/stream/')) {
    // Of a batch or transaction over two tables, DynamoDB does not say which one it misses.
    return missingTable({ table: resource, region, role: roleOf(resource, region) });
  }
  const what = WHATS[`${service}`] ?? ['resource', DEPLOY];
  return {
    happened: `There is no ${whatOf(request, what[0])} ${resource} in ${region}.`,
    advice: what[1],
  };
}

const WHATS: Readonly<Record<string, readonly [what: string, advice: string]>> = {
  dynamodb: [
    'stream',
    `Enable the stream of the source with new images, and deploy with its ARN. Otherwise, check ${ACCOUNT}.`,
  ],
  lambda: ['function', DEPLOY],
  sqs: ['queue', DEPLOY],
  s3: ['bucket', DEPLOY],
  states: [
    'state machine',
    `Set "bulk" to true in the configuration and deploy it with \`npx cdk deploy --all\`, or check ${ACCOUNT}.`,
  ],
};

function whatOf(request: FailedRequest | undefined, usual: string): string {
  if (request?.operation === 'UpdateEventSourceMapping') return 'event source mapping';
  return request?.operation === 'DescribeExecution' ? 'execution' : usual;
}
