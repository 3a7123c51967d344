// Texts that AWS limits in length.

import { Token } from 'aws-cdk-lib';

/** Longest description of a stack that the CDK takes; CloudFormation takes 1,024 bytes. */
export const STACK_DESCRIPTION_MAX = 512;

/** Longest description of a function that Lambda takes. */
export const FUNCTION_DESCRIPTION_MAX = 256;

/** `text`, or where it is longer than `max`, its beginning and its end: the end tells the Region. */
export function fit(text: string, max: number): string {
  // Half of a token would stand for nothing.
  if (text.length <= max || Token.isUnresolved(text)) return text;
  const end = Math.floor((max - 3) / 2);
  return `${text.slice(0, max - 3 - end)}...${text.slice(text.length - end)}`;
}
