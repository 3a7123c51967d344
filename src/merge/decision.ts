// What a merge does with one item, as data: the decision, and the writes that it takes.

import type { Item } from '../model/attribute-value.ts';
import type { LedgerRowKey } from '../model/ledger-row.ts';
import type { LoserKind } from '../model/loser.ts';
import type { Origin } from '../model/rules.ts';
import type { Version } from '../model/guard.ts';
import type { WriteRequest } from '../model/write-request.ts';
import type { WriteRules } from '../model/rules.ts';
import type { BySide } from './sides.ts';

/** What loses by a write, and must not disappear without being counted. */
export interface Loss {
  readonly kind: LoserKind;
  readonly lost: Item;
  readonly lostVersion?: Version | undefined;
  readonly won?: Item | undefined;
  readonly wonVersion?: Version | undefined;
}

export interface MergeStep {
  /** The side that is written. */
  readonly at: Origin;
  /** Refused where that side is no longer as it was read. */
  readonly request: WriteRequest;
  readonly loss?: { readonly at: Origin; readonly what: Loss } | undefined;
  /** It changes no item: that side remembers a delete that it has forgotten. */
  readonly isMemory?: true;
}

export type MergeDecision =
  /** `stamped`: its version is new, and the stream of its side carries it to the other one. */
  | {
      readonly kind: 'equal' | 'copied' | 'removed' | 'stamped';
      readonly steps: readonly MergeStep[];
    }
  /** Versions do not tell which one is newer, and neither do the options. */
  | { readonly kind: 'undecided' }
  /** Written under a higher epoch than that of the configuration. */
  | { readonly kind: 'later-epoch' };

/** Which one wins where versions do not tell. */
export interface MergeChoice {
  /** The attribute that tells when the item was changed. Where it does not, `prefer` decides. */
  readonly newerBy?: string | undefined;
  readonly prefer?: Origin | undefined;
  /** Items without a version win, too: they get one. @default they lose against those that have one */
  readonly keepStrays?: boolean | undefined;
}

export interface MergePlan extends LedgerRowKey {
  readonly rules: BySide<WriteRules>;
  readonly nowMs: number;
}
