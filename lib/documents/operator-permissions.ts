// What each command asks for -> the policy of its operator, on the resources of one replication.

import { policyBlock } from './function-permissions.ts';
import { actionsByPlace, COMMANDS, type CommandNeeds, type Place } from '../operator-needs.ts';

const ACCOUNT = '111122223333';
const table = (region: string, name: string) =>
  `arn:aws:dynamodb:${region}:${ACCOUNT}:table/${name}`;
const inSource = (service: string, rest: string) =>
  `arn:aws:${service}:us-east-1:${ACCOUNT}:${rest}`;

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
  return COMMANDS.map(section).join('\n\n');
}

function section({ command, always, apply }: CommandNeeds): string {
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
