// Whether the DynamoDB of the other Region answers: a Region that does is not lost.

import { UsageError } from '../errors.ts';
import { classifyFailure } from '../model/write-failure.ts';
import { readControl } from '../replicate/first-adoption.ts';
import type { SwitchPorts } from './ports.ts';

/** @throws UsageError `switching.reachable` where it answers, `switching.unasked` where it cannot be asked. */
export async function requireUnreachable(ports: SwitchPorts): Promise<void> {
  if (await isReachable(ports)) throw reachable(ports);
}

/** Any answer counts, also a refusal: then a planned switch is possible, or soon will be. */
async function isReachable({ old }: SwitchPorts): Promise<boolean> {
  for (let tries = 1; tries <= REACH_TRIES; tries += 1) {
    try {
      await readControl(old.rules, old.reader);
      return true;
    } catch (error) {
      if (isRefusal(error)) return true;
      if (classifyFailure(error).kind === 'denied') throw unasked(old.region, error);
    }
  }
  return false;
}

const REACH_TRIES = 3;

/** The service blames the request: a table that is not there is missing in a Region that works. */
function isRefusal(error: unknown): boolean {
  const { $metadata } = error as { readonly $metadata?: { readonly httpStatusCode?: number } };
  const { httpStatusCode = 0 } = $metadata ?? {};
  return httpStatusCode >= 400 && httpStatusCode < 500;
}

/** Without credentials, no request is sent. */
function unasked(region: string, cause: unknown): UsageError {
  const { name, message } = classifyFailure(cause);
  return new UsageError(
    `It is not known whether DynamoDB answers in ${region}: ${name}: ${message}`,
    {
      code: 'switching.unasked',
      hint: 'Correct the credentials for that side. If they are not to be had without that Region, add --even-if-reachable.',
      cause,
    },
  );
}

function reachable({ old }: SwitchPorts): UsageError {
  return new UsageError(`DynamoDB answers in ${old.region}: the Region is not lost.`, {
    code: 'switching.reachable',
    hint: 'Use `ferry failover` without --source-lost, which loses nothing. If the Region must be left although it answers, add --even-if-reachable.',
  });
}
