// What becomes of a record that was put aside, and of the item that it is about.

import type { Version } from '../model/guard.ts';
import type { Item } from '../ports.ts';

export type ItemOutcome =
  | {
      readonly kind: 'applied' | 'superseded' | 'resynchronized';
      /** A delete that is to be announced before the record is final. */
      readonly deleted?: Version | undefined;
      /** What has been written to the twin's item. */
      readonly written: 'put' | 'delete' | 'nothing';
      /** The source does not have the item, which is no reason to remove it: an older delete may be one. */
      readonly leavesExtraneous?: boolean | undefined;
    }
  /** It can never be applied as things are: the next older record gets its turn. */
  | { readonly kind: 'rejected'; readonly why: string }
  | {
      readonly kind: 'unfinished';
      readonly why: string;
      /** A write was given up that may still be applied. */
      readonly isUnknown?: boolean;
    };

/**
 * `coalesced`: a newer record of the item has been enough. `skipped`: by configuration. `stranded`: of a Region that was
 * lost, and kept until an operator decides. `own`: of a write of Ferry's. `stray`: of an application's that is not
 * replicated.
 */
export type Redriven =
  | ItemOutcome
  | { readonly kind: 'coalesced' | 'skipped' | 'stranded' | 'own' | 'stray' };

/** Whether the record needs no other try. */
export function isFinal(outcome: Redriven): boolean {
  return !('why' in outcome);
}

/** An item, and what became of the newest of its records that could be tried. */
export interface RedrivenItem {
  readonly key: Item;
  readonly outcome: ItemOutcome;
  readonly records: number;
}
