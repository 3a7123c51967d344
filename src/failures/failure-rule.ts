// How a kind of failure is recognized and told, and the words that all kinds share.

import type { FailedRequest } from '../errors.ts';
import type { ErrorLink } from './error-chain.ts';

export interface FailureStory {
  /** Stable, for machines: `credentials-missing`, `denied`, … */
  readonly kind: string;
  /** A sentence or two. */
  readonly happened: string;
  /** What to do. */
  readonly advice: string;
}

/** What a configuration has a table for. */
export type TableRole = 'source' | 'destination' | 'state';

export interface FailureContext {
  /** The request that failed, where it is known. */
  readonly request: FailedRequest | undefined;
  /** What AWS_PROFILE says. */
  readonly profile?: string | undefined;
  /** How the configuration reaches the side of the request: "the destination by the profile "recovery"". */
  readonly reach?: string | undefined;
  /** What the configuration has a table for. */
  readonly roleOf: (table: string, region: string) => TableRole | undefined;
}

/** What the message says about a failure of a known kind. */
export type Told = Omit<FailureStory, 'kind'>;

export interface FailureRule {
  readonly kind: string;
  /** Names or codes, a pattern of codes, or a question. */
  readonly when: readonly string[] | RegExp | ((link: ErrorLink) => boolean);
  /** Of an answer that counts whatever its name is. */
  readonly status?: number;
  readonly tell: (link: ErrorLink, context: FailureContext) => Told;
}

export function isMatch({ when, status }: FailureRule, link: ErrorLink): boolean {
  if (status !== undefined && link.status === status) return true;
  if (typeof when === 'function') return when(link);
  if (when instanceof RegExp) return when.test(link.code);
  return when.includes(link.name) || when.includes(link.code);
}

/** Name and message of a service's error. */
export function said({ name, message }: ErrorLink): string {
  // The SDK's own word for an answer without a message.
  const isSilent = ['', name, 'UnknownError'].includes(message);
  return isSilent ? name : `${name}: ${shortened(message)}`;
}

/** More of a proxy's page does not help. */
const MESSAGE_CHARS_MAX = 400;

/** On one line, without the full stop. */
export function shortened(message: string): string {
  const text = message.replace(/\s+/g, ' ').trim().replace(/\.$/, '');
  return text.length <= MESSAGE_CHARS_MAX ? text : `${text.slice(0, MESSAGE_CHARS_MAX)}…`;
}

/** Which of its settings has chosen the credentials, where one has: for the end of a sentence about them. */
export function reachText({ reach }: Pick<FailureContext, 'reach'>): string {
  return reach === undefined ? '' : ` The configuration reaches ${reach}.`;
}

/** What to do about credentials that do not fit. */
export function choosingOthers({ reach }: Pick<FailureContext, 'reach'>): string {
  return reach === undefined
    ? 'choose others with AWS_PROFILE'
    : 'name others in the configuration';
}

/** Where the request went. */
export function placeOf(
  { address, port, hostname }: ErrorLink,
  request: FailedRequest | undefined,
): string {
  if (request?.endpoint !== undefined) return request.endpoint;
  if (address !== undefined) return port === undefined ? address : `${address}:${port}`;
  return hostname ?? 'the endpoint';
}
