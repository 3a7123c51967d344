// An error of an AWS service, of the network or of this machine -> what happened and what to do, for an operator.
// What is not listed is a bug, and keeps its stack.

import { CREDENTIAL_FAILURES } from './credential-failures.ts';
import { errorChain } from './error-chain.ts';
import { type FailureContext, type FailureStory, isMatch } from './failure-rule.ts';
import { MACHINE_FAILURES } from './machine-failures.ts';
import { NETWORK_FAILURES } from './network-failures.ts';
import { refused, SERVICE_FAILURES } from './service-failures.ts';

/** The first that matches counts: the network's before those of credentials, which may be fetched over it. */
const RULES = [
  ...NETWORK_FAILURES,
  ...CREDENTIAL_FAILURES,
  ...SERVICE_FAILURES,
  ...MACHINE_FAILURES,
];

/** @returns undefined for anything that is neither a service's, nor the network's, nor this machine's error. */
export function failureStory(error: unknown, context: FailureContext): FailureStory | undefined {
  const chain = errorChain(error);
  for (const link of chain) {
    const rule = RULES.find((one) => isMatch(one, link));
    if (rule !== undefined) return { kind: rule.kind, ...rule.tell(link, context) };
  }
  const answer = chain.find(({ status }) => status !== undefined);
  return answer && { kind: 'refused', ...refused(answer, context) };
}
