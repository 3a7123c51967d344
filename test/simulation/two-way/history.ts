// What has happened to one item: every write of an application with what it had seen, every version, and who made it.

import type { Version } from '../../../src/model/guard.ts';
import type { Side } from '../switching/plan.ts';

/** A put, a delete or an expiry of an application's. */
export interface Act {
  /** The content that a put brings, or a name. */
  readonly id: string;
  readonly kind: 'put' | 'delete' | 'expire';
  readonly side: Side;
  readonly atMs: number;
  /** When its stamp was taken. */
  readonly stampedAtMs: number;
  readonly isStamped: boolean;
  readonly expires: boolean;
  /** Everything that had been visible where it was made. */
  readonly seen: ReadonlySet<string>;
  /** Version of its item, of a stamped put. */
  readonly version?: Version | undefined;
  /** Done more than once: its request was sent again. */
  count: number;
}

export class ItemHistory {
  readonly key: string;
  readonly acts = new Map<string, Act>();
  /** By whom each version was made, and with which content. */
  readonly contents = new Map<Version, string>();
  /** What each delete had seen, by the version that Ferry has given it. */
  readonly deletes = new Map<Version, ReadonlySet<string>>();
  readonly past: Readonly<Record<Side, Set<string>>> = { east: new Set(), west: new Set() };
  /** The largest version that each place has had. */
  readonly highest: Record<Side, Version> = { east: '', west: '' };
  /** Versions below one that the place had had. */
  readonly falls: Array<{ readonly side: Side; readonly version: Version }> = [];
  /** Changes by Ferry. */
  ferryChanges = 0;
  /** Records that were delivered once more. */
  redeliveries = 0;
  /** A record that was not replicated, by the rules. */
  isStray = false;
  /** An application has written it without a stamp. */
  hasUnstamped = false;
  /** A record was lost. */
  isLost = false;
  /** Since it was merged in the end, another record was lost. */
  isLostAgain = false;
  /** A merge has copied what a slow clock had put below a delete of its side that had not been handled. */
  isCopiedEarly = false;
  /** The key's version went with an item that has expired. */
  hasSkipped = false;

  constructor(key: string) {
    this.key = key;
  }

  /** Adds what an application has done, with what it had seen. */
  add(act: Omit<Act, 'seen' | 'count'>): Act {
    const known = this.acts.get(act.id);
    if (known !== undefined) {
      known.count += 1;
      return known;
    }
    const made: Act = { ...act, seen: new Set(this.past[act.side]), count: 1 };
    this.acts.set(act.id, made);
    this.#learn(act.side, made);
    return made;
  }

  /** A put has come from the other side. */
  came(side: Side, id: string): void {
    const act = this.acts.get(id);
    if (act !== undefined) this.#learn(side, act);
  }

  /** A delete has come from the other side. */
  deleteCame(side: Side, version: Version): void {
    for (const one of this.deletes.get(version) ?? []) this.past[side].add(one);
  }

  #learn(side: Side, { id, seen }: Act): void {
    for (const one of seen) this.past[side].add(one);
    this.past[side].add(id);
  }

  /** In the order in which they were done. */
  inOrder(): Act[] {
    return [...this.acts.values()].toSorted((a, b) => a.atMs - b.atMs);
  }

  /** The largest version of any put. */
  largest(): Version {
    return [...this.contents.keys()].reduce((high, one) => (one > high ? one : high), '');
  }
}
