// What `ferry adopt` has to do where both tables are written: the configuration names the epoch, one for both directions
// and for the plug-in. Adopt opens exactly that one, or says which it must be.

import {
  type ControlRow,
  EPOCH_MAX,
  type FoundControl,
  firstRow,
  type Identity,
  newestEpoch,
} from '../model/control-row.ts';
import type { TwoWayRules } from '../model/rules.ts';
import {
  type AdoptionChoice,
  type AdoptionPlan,
  type Opened,
  opening,
  planAdoption,
  type Refused,
  refused,
  type Survey,
  type VersionSurvey,
} from './adoption.ts';

export type Configured = Pick<TwoWayRules, 'mode' | 'epoch'>;

export function planConfigured(
  found: FoundControl,
  identity: Identity,
  choice: AdoptionChoice,
  wanted: Configured,
): AdoptionPlan {
  const plan = planAdoption(found, identity, choice);
  if (found.kind !== 'row' || plan.kind === 'refused') return plan;
  const { row } = found;
  const { n } = newestEpoch(row);
  if (wanted.epoch < n)
    return refused(
      `The control row has epoch ${n}, and the configuration has "twoWay.epoch": ${wanted.epoch}. Versions of an earlier epoch would lose to all that is there.`,
      `Set "twoWay.epoch" to ${n}, if epoch ${n} goes on. ${raise(n, wanted)}`,
    );
  if (plan.kind === 'nothing')
    return wanted.epoch === n ? plan : openedFor(row, CONFIGURED, { identity, wanted });
  if (wanted.epoch === n)
    return refused(
      `A new epoch is needed, because ${plan.why}, and epoch ${n} of the configuration is the one that is open.`,
      raise(n, wanted),
    );
  return plan.kind === 'survey' ? plan : openedFor(row, plan.why, { identity, wanted });
}

const CONFIGURED = 'the configuration has a higher epoch';

function openedFor(
  row: ControlRow,
  why: string,
  { identity, wanted }: { readonly identity: Identity; readonly wanted: Configured },
): Opened {
  return { kind: 'open', row: opening(row, wanted.epoch, identity), why };
}

/** The plan once all versions of the tables are known. */
export function configuredAfterSurvey(
  { highestEpoch, highestUnstamped }: VersionSurvey,
  identity: Identity,
  { row, why }: Pick<Survey, 'row' | 'why'>,
  wanted: Configured,
): Opened | Refused {
  const { mode, epoch } = wanted;
  // Applications have stamped in this epoch already. Whatever else has its number would be read as a stamp.
  const isTaken = mode === 'stamped' ? epoch <= highestUnstamped : epoch <= highestEpoch;
  if (isTaken || epoch < highestEpoch)
    return refused(
      `The tables have versions of epoch ${highestEpoch} already, and the configuration has "twoWay.epoch": ${epoch}.`,
      raise(highestEpoch, wanted),
    );
  if (row !== undefined) return openedFor(row, why, { identity, wanted });
  return { kind: 'open', row: firstRow(identity, epoch), why };
}

/** What to do before `ferry adopt` can open an epoch. */
function raise(taken: number, { mode }: Configured): string {
  if (taken >= EPOCH_MAX) return 'Versions have no room for a higher epoch. Make new tables.';
  const plugIn = mode === 'stamped' ? 'set it in the plug-in of all applications first, then ' : '';
  return `To open an epoch, ${plugIn}set "twoWay.epoch" to ${taken + 1}, deploy both directions, and run \`ferry adopt\` for both.`;
}
