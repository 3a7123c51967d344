// Write requests -> DynamoDB's JSON, in which bytes are base64 text: those of decodeItem are. What all puts under
// the same rules have in common is encoded once, and their images are not copied.

import { GuardedPut, type Place } from './guarded-put.ts';
import { keyAttributeOf } from './guard.ts';
import type { WriteRules } from './rules.ts';
import { stampOf } from './twin-item.ts';
import type { WriteRequest } from './write-request.ts';

export type EncodeRequest = (request: WriteRequest) => string;

/** By what must hold of the place, and by the name of a key attribute. */
type Heads = Readonly<Record<Place, Map<string, string>>>;

export function requestEncoder(): EncodeRequest {
  const known = new WeakMap<WriteRules, Heads>();
  const headOf = (put: GuardedPut) => {
    const { record, rules, place } = put;
    let heads = known.get(rules);
    if (heads === undefined)
      known.set(rules, (heads = { free: new Map(), 'older-item': new Map() }));
    const keyAttribute = keyAttributeOf(record.key);
    const found = heads[place].get(keyAttribute) ?? encodeHead(put);
    heads[place].set(keyAttribute, found);
    return found;
  };
  return (request) => {
    if (!(request instanceof GuardedPut)) return JSON.stringify(request.input);
    const { record, rules } = request;
    const image = JSON.stringify(withoutStamp(request)).slice(1);
    const stamp = JSON.stringify(stampOf(record, rules));
    return `${headOf(request)}${stamp},${image},"ExpressionAttributeValues":{":v":{"S":"${record.version}"}}}`;
  };
}

/** JSON leaves out what is undefined. Nearly as fast as no copy, and one that has no such property would be slower. */
function withoutStamp({ record, rules: { reservedAttribute } }: GuardedPut): object {
  const { newImage } = record;
  return reservedAttribute in newImage ? { ...newImage, [reservedAttribute]: undefined } : newImage;
}

/** Up to the reserved attribute's value, with which the item begins. */
function encodeHead({ input, rules }: GuardedPut): string {
  const { Item: _item, ExpressionAttributeValues: _values, ...common } = input;
  const name = JSON.stringify(rules.reservedAttribute);
  return `${JSON.stringify(common).slice(0, -1)},"Item":{${name}:`;
}
