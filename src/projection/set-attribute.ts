// Puts values into an item at paths. Maps and lists on the way are copied.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { EVERY, type PathStep } from '../config/attribute-path.ts';

export type Attributes = Record<string, AttributeValue>;

/** An attribute may be called "__proto__", which an assignment would take for something else. */
export function putAttribute(attributes: Attributes, name: string, value: AttributeValue): void {
  if (name !== '__proto__') attributes[name] = value;
  else
    Object.defineProperty(attributes, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
}

/** Below the top, a value is set where the map or the element is there. */
export function setAttribute(
  attributes: Attributes,
  [name, ...steps]: readonly [string, ...PathStep[]],
  wanted: AttributeValue,
): void {
  if (steps.length === 0) return putAttribute(attributes, name, wanted);
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (value !== undefined) putAttribute(attributes, name, setInside(value, steps, wanted));
}

function setInside(
  value: AttributeValue,
  steps: readonly PathStep[],
  wanted: AttributeValue,
): AttributeValue {
  const [step, ...rest] = steps;
  if (step === undefined) return wanted;
  if (typeof step === 'string') {
    if (value.M === undefined) return value;
    const map = { ...value.M };
    setAttribute(map, [step, ...rest], wanted);
    return { M: map };
  }
  if (value.L === undefined) return value;
  const isMeant = (index: number) => step === EVERY || step === index;
  return {
    L: value.L.map((element, index) =>
      isMeant(index) ? setInside(element, rest, wanted) : element,
    ),
  };
}
