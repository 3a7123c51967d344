// What functions and commands may do -> the policies of docs/permissions.md.

import { textArns } from '../../src/permissions/arns.ts';
import { functionNeeds } from '../../src/permissions/function-needs.ts';
import { readHashSecrets } from '../../src/permissions/hash-secrets.ts';
import { commandStatements, inBothDirections } from '../../src/permissions/operator-access.ts';
import {
  BOTH_COMMANDS,
  type CommandNeeds,
  COMMANDS,
  SWITCH_COMMANDS,
} from '../../src/permissions/operator-needs.ts';
import { functionSets, type PermissionSet, switchSets } from '../../src/permissions/policies.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { runSets } from '../../src/permissions/run-needs.ts';
import {
  type IamPolicy,
  policyOf,
  policyOfAll,
  policyText,
} from '../../src/permissions/statement.ts';
import {
  homeReplication,
  kinesisReplication,
  sampleReplication,
  stampedReplication,
  switchedReplication,
} from './sample-templates.ts';

const KNOWN = { bucket: 'arn:aws:s3:::BUCKET' };

/** One heading and one policy for each role. */
export function functionPolicies(): string {
  return functionSets(sampleReplication(), KNOWN).map(setSection).join('\n\n');
}

function setSection({ title, policy }: Pick<PermissionSet, 'title' | 'policy'>): string {
  return `### ${title}\n\n${policyBlock(policy)}`;
}

/** Of what is there with "switching" only, in the source's Region, and of the function that writes. */
export function switchPolicies(): string {
  const replication = switchedReplication();
  const [replicate, ...others] = functionSets(replication, KNOWN);
  const roles = others.filter(({ title }) => title.startsWith('The role '));
  const here = switchSets([replication]).filter(({ title }) => title.endsWith('in us-east-1'));
  const sets = [...(replicate ? [replicate] : []), ...roles, ...here].map(setSection);
  return [...sets, ...sectionsOfBoth(SWITCH_COMMANDS, replication)].join('\n\n');
}

/** In both directions. */
function sectionsOfBoth(
  commands: readonly CommandNeeds[],
  replication: ReplicationConfig,
): string[] {
  return commands.map((needs) =>
    commandSection(needs, (some) =>
      policyOfAll(inBothDirections(some, replication, textArns(replication, KNOWN))),
    ),
  );
}

/** Of functions and commands that open a projection with a rule that hashes. */
export function hashPolicy(): string {
  const hash = {
    attribute: 'email',
    secret: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/hash-AbCdEf',
    versionId: '11111111-aaaa-4aaa-8aaa-111111111111',
    kmsKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  };
  const replication = { ...sampleReplication(), projection: { attributes: { hash } } };
  return policyBlock(policyOfAll(readHashSecrets(replication, textArns(replication))));
}

/** What the replicate function reads, where the changes come through an encrypted Kinesis stream. */
export function kinesisPolicy(): string {
  const { source, ...rest } = kinesisReplication();
  const kinesisKmsKeyArn =
    'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const replication = { ...rest, source: { ...source, kinesisKmsKeyArn } };
  const arns = textArns(replication, { ...KNOWN, logs: '' });
  const { ReadStream = [] } = functionNeeds('replicate', replication, arns);
  return policyBlock(policyOf({ ReadStream }));
}

/** Of a process, and what some of its options add. */
export function runPolicies(): string {
  const replication = { ...sampleReplication(), tombstones: 'strict' as const };
  return runSets(replication, KNOWN).map(setSection).join('\n\n');
}

/** Of the replicate function, where both tables are written, and of the commands about both. */
export function twoWayPolicies(): string {
  const sets = [
    ['With `"mode": "home"`', homeReplication()] as const,
    ['With `"mode": "stamped"`', stampedReplication()] as const,
  ].flatMap(([mode, replication]) =>
    functionSets(replication, KNOWN)
      .slice(0, 1)
      .map(({ title, policy }) => setSection({ title: `${title}. ${mode}`, policy })),
  );
  return [...sets, ...sectionsOfBoth(BOTH_COMMANDS, stampedReplication())].join('\n\n');
}

function policyBlock(policy: IamPolicy): string {
  return ['```json', policyText(policy), '```'].join('\n');
}

/** One heading and one policy for each command, and a second policy for `--apply`. */
export function operatorPolicies(): string {
  return COMMANDS.map((needs) => commandSection(needs, policyFor)).join('\n\n');
}

function commandSection(
  { command, always, apply }: CommandNeeds,
  policyOf: (needs: readonly string[]) => IamPolicy,
): string {
  const more = apply.filter((need) => !always.includes(need));
  const first = `### ferry ${command}\n\n${policyBlock(policyOf(always))}`;
  return more.length === 0
    ? first
    : `${first}\n\nTo add for \`--apply\`:\n\n${policyBlock(policyOf(more))}`;
}

function policyFor(needs: readonly string[]): IamPolicy {
  const replication = sampleReplication();
  return policyOfAll(commandStatements(needs, replication, textArns(replication, KNOWN)));
}
