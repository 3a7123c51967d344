// The pure function from a source item to its twin item, or to nothing. Rules and modules are made into one in
// src/projection.

import type { Item } from './attribute-value.ts';

export interface Projection {
  /** SHA-256 of its rules or its module, as 64 hexadecimal digits. */
  readonly digest: string;
  /** Whether it may leave items out. */
  readonly filters: boolean;
  /**
   * What the twin has of an item, undefined where it leaves the item out. The source item is not changed.
   * @param source without the reserved attribute.
   * @param key of the item: its attributes stay as they are.
   * @throws ProjectionFailed
   */
  project(source: Item, key: Item): Item | undefined;
}

/** Of this item, the projection has made nothing that the twin could have. */
export class ProjectionFailed extends Error {
  /** The reason of a dead letter. Of the item, it tells nothing. */
  override readonly name: ProjectionFailure;

  /** @param message may tell what the module of an operator says of the item. */
  constructor(name: ProjectionFailure, message: string) {
    super(message);
    this.name = name;
  }
}

export type ProjectionFailure =
  /** It threw an error. */
  | 'ProjectionFailed'
  /** A key attribute is missing or has another value. */
  | 'ProjectionKeyChanged'
  /** It returned what DynamoDB cannot store, or a promise. */
  | 'ProjectionNotStorable'
  /** A new name is taken by an attribute of the item. */
  | 'ProjectionNameTaken';
