// What protects the twin from loss: point-in-time recovery, and deletion protection.

import { type Check, type Finding, nameOf, note, type Pair, warning } from './finding.ts';
import { placeOptions } from './stream-commands.ts';

export const PROTECTION_CHECKS: readonly Check[] = [recovery, deletion];

function recovery({ destination, protection }: Pair): Finding[] {
  const found = protection?.pointInTimeRecovery ?? true;
  return unprotected(found, {
    subject: 'point-in-time-recovery',
    what: `${nameOf(destination)} has no point-in-time recovery`,
    advice: `What a wrong repair or redrive does to the twin cannot be undone. Enable it: aws dynamodb update-continuous-backups ${placeOptions(destination)} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true`,
  });
}

function deletion({ destination, protection }: Pair): Finding[] {
  const found = protection?.deletionProtection ?? true;
  return unprotected(found, {
    subject: 'deletion-protection',
    what: `${nameOf(destination)} has no deletion protection`,
    advice: `Enable it: aws dynamodb update-table ${placeOptions(destination)} --deletion-protection-enabled`,
  });
}

interface Lack {
  readonly subject: string;
  readonly what: string;
  readonly advice: string;
}

function unprotected(found: boolean | string, { subject, what, advice }: Lack): Finding[] {
  if (found === true) return [];
  return found === false
    ? warning(subject, `${what}.`, advice)
    : note(subject, `It is not known whether ${what}: ${found}.`, `If that is so: ${advice}`);
}
