// Which projection the configuration has, which one is deployed, and which one wrote the twin -> what does not fit.

import type { Finding } from './finding.ts';

/** Of a projection; null where there is none. */
type ProjectionDigest = string | null;

export interface KnownProjections {
  /** @default it does not matter */
  readonly file?: ProjectionDigest | undefined;
  /** Undefined where nothing is deployed, or where that is not known. */
  readonly deployed: ProjectionDigest | undefined;
  /** By the control row: of the last backfill that was completed. Undefined where that is not known. */
  readonly written: ProjectionDigest | undefined;
}

export interface ProjectionNotice {
  readonly kind: 'not-written' | 'not-deployed' | 'tables';
  /** What is wrong, and what to do: whole sentences. */
  readonly text: string;
}

export function projectionNotices(known: KnownProjections): ProjectionNotice[] {
  const { file, deployed, written } = known;
  if (deployed === undefined) return [];
  const notices: ProjectionNotice[] = [];
  if (written !== undefined && written !== deployed)
    notices.push({ kind: 'not-written', text: written === null ? NEVER_WRITTEN : OTHER_WRITTEN });
  if (file !== undefined && file !== deployed)
    notices.push({ kind: 'not-deployed', text: OTHER_DEPLOYED });
  return notices;
}

/** What the twin cannot do as the source does, because of its projection. */
export function tableNotices(findings: readonly Finding[]): ProjectionNotice[] {
  return findings
    .filter(({ subject }) => subject.startsWith('projection-'))
    .map(({ says, advice }) => ({ kind: 'tables', text: `${says} ${advice}` }));
}

/** A backfill without the option finds that out by itself. */
const NEVER_WRITTEN =
  'No backfill has been completed with the deployed projection, so the twin may have items that were written without it. Run `ferry backfill`.';
const OTHER_WRITTEN =
  'The twin was written by another projection. Run `ferry backfill --reproject`.';
const OTHER_DEPLOYED =
  'The deployed function has another projection than the configuration. Deploy the configuration, or use the deployed one.';
