// The verdicts about the stream and its event source mapping: paused, held, starting, or not read.

import { retentionMs } from '../config/record-age.ts';
import { utcTime } from './pause.ts';
import { type Case, type Rule, stuck, type Verdict } from './verdict-case.ts';
import { isRead, MINUTE_MS } from '../model/vitals.ts';

/** Lambda creates or enables a mapping within minutes. */
const STARTING_MS_MAX = 60 * MINUTE_MS;

const FUNCTION_FAILED = 'PROBLEM: Function call failed';

/** The worst first. */
export const READING: readonly Rule[] = [
  isPaused,
  hasOtherEpoch,
  recordsHeld,
  isStarting,
  isUnread,
  readsAnotherStream,
  lacksOldImages,
  cannotRead,
];

/** First, because an operator wanted it. */
function isPaused({ vitals: { paused, mapping, nowMs }, rules }: Case): Verdict | undefined {
  if (paused === undefined || paused === 'unknown') return undefined;
  const since = utcTime(paused.sinceMs);
  const runbook = 'paused-replication';
  if (mapping !== undefined && mapping.state !== 'Disabled' && mapping.state !== 'Disabling') {
    const text = `paused since ${since}, but the event source mapping is ${mapping.state.toLowerCase()}: the function holds all records until \`ferry resume\``;
    return { level: 'held', text, runbook };
  }
  const lostAfterMs = paused.oldestMs + retentionMs(rules.retention ?? {});
  const loss =
    nowMs < lostAfterMs
      ? `changes are lost after ${utcTime(lostAfterMs)}`
      : `changes have been lost since ${utcTime(lostAfterMs)}`;
  return { level: 'paused', text: `since ${since}; ${loss}`, runbook };
}

/** The function holds every record until both are equal. */
function hasOtherEpoch({ vitals: { epoch }, rules, waited }: Case): Verdict | undefined {
  const { twoWay } = rules;
  if (epoch === undefined || twoWay === undefined || epoch === twoWay.epoch) return undefined;
  return {
    level: 'held',
    text: `the control row has epoch ${epoch}, and the configuration epoch ${twoWay.epoch}: \`ferry adopt\` shows what to do${waited}`,
    runbook: 'records-held',
  };
}

/** Before all other problems, because it causes them. */
function recordsHeld({ isFailing, waited }: Case): Verdict | undefined {
  if (!isFailing('HeldRecords')) return undefined;
  const cause =
    'the control row does not allow their stream to write, or the destination rejects nearly all';
  return {
    level: 'held',
    text: `the function holds records: ${cause}${waited}`,
    runbook: 'records-held',
  };
}

/** The mapping of a new deployment, or one that was disabled. */
function isStarting({ vitals: { mapping, nowMs }, waited }: Case): Verdict | undefined {
  if (mapping?.state !== 'Creating' && mapping?.state !== 'Enabling') return undefined;
  if (nowMs - (mapping.changedAtMs ?? nowMs) > STARTING_MS_MAX) return undefined;
  const text = `the event source mapping is ${mapping.state.toLowerCase()}${waited}`;
  return { level: 'starting', text };
}

/** The event source mapping is missing or disabled. */
function isUnread({ vitals, waited }: Case): Verdict | undefined {
  const { mapping, paused } = vitals;
  if (mapping === undefined)
    return stuck('the function has no event source mapping', 'records-waiting');
  if (isRead(vitals)) return undefined;
  const doubt =
    paused === 'unknown' ? ' (this may be a pause: the control row cannot be read)' : '';
  return stuck(
    `the event source mapping is ${mapping.state.toLowerCase()}${doubt}${waited}`,
    'records-waiting',
  );
}

function readsAnotherStream({ vitals }: Case): Verdict | undefined {
  const { mapping, streamArn, streamProblem = 'the source has no stream' } = vitals;
  if (streamArn === undefined) return stuck(streamProblem, 'stream-replaced');
  if (mapping?.streamArn === streamArn) return undefined;
  return stuck(
    'the source has a new stream, but the event source mapping reads the old one',
    'stream-replaced',
  );
}

/** Only old images show what applications write to the twin beside Ferry. */
function lacksOldImages({ vitals: { streamView }, rules }: Case): Verdict | undefined {
  if (rules.oldImagesFor === undefined || streamView === undefined) return undefined;
  if (streamView === 'NEW_AND_OLD_IMAGES') return undefined;
  return stuck(
    `the stream has the view type ${streamView}, and ${rules.oldImagesFor} needs NEW_AND_OLD_IMAGES`,
    'stream-replaced',
  );
}

/** Lambda's result begins with PROBLEM if it may not use the stream, or its key; and if an invocation failed. */
function cannotRead({ vitals: { mapping }, waited }: Case): Verdict | undefined {
  if (mapping?.lastResult.startsWith('PROBLEM') !== true) return undefined;
  if (mapping.lastResult === FUNCTION_FAILED)
    return stuck(`the last invocation of the function failed${waited}`, 'function-errors');
  return stuck(`Lambda cannot read the stream: ${mapping.lastResult}`, 'records-waiting');
}
