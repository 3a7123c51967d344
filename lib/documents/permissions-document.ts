// What functions and commands may do -> the policies of docs/permissions.md.

import { textArns } from '../../src/permissions/arns.ts';
import { readHashSecrets } from '../../src/permissions/hash-secrets.ts';
import { commandStatements } from '../../src/permissions/operator-access.ts';
import { type CommandNeeds, COMMANDS } from '../../src/permissions/operator-needs.ts';
import { functionSets } from '../../src/permissions/policies.ts';
import { type IamPolicy, policyOfAll, policyText } from '../../src/permissions/statement.ts';
import { sampleReplication } from './sample-templates.ts';

const KNOWN = { bucket: 'arn:aws:s3:::BUCKET' };

/** One heading and one policy for each role. */
export function functionPolicies(): string {
  return functionSets(sampleReplication(), KNOWN)
    .map(({ title, policy }) => `### ${title}\n\n${policyBlock(policy)}`)
    .join('\n\n');
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

function policyBlock(policy: IamPolicy): string {
  return ['```json', policyText(policy), '```'].join('\n');
}

/** One heading and one policy for each command, and a second policy for `--apply`. */
export function operatorPolicies(): string {
  return COMMANDS.map(commandSection).join('\n\n');
}

function commandSection({ command, always, apply }: CommandNeeds): string {
  const more = apply.filter((need) => !always.includes(need));
  const first = `### ferry ${command}\n\n${policyBlock(policyFor(always))}`;
  return more.length === 0
    ? first
    : `${first}\n\nTo add for \`--apply\`:\n\n${policyBlock(policyFor(more))}`;
}

function policyFor(needs: readonly string[]): IamPolicy {
  const replication = sampleReplication();
  return policyOfAll(commandStatements(needs, replication, textArns(replication, KNOWN)));
}
