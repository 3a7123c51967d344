// Findings about two tables that applications write: their expiry, and the attributes that tell the home of an item.

import {
  attributeText,
  type Check,
  error,
  type Finding,
  nameOf,
  note,
  type Pair,
  warning,
} from './finding.ts';

export const BOTH_WAYS_CHECKS: readonly Check[] = [homeKeys, timeToLive];

/** Of a table that the app does not create, the configuration does not have the keys. */
function homeKeys({ source, bothWays }: Pair): Finding[] {
  const keys = source.keys.filter(({ type }) => type === 'S').map(({ name }) => name);
  const strange = [...new Set(bothWays?.homeAttributes)].filter((name) => !keys.includes(name));
  if (strange.length === 0) return [];
  const named = strange.map((name) => `"${name}"`).join(' and ');
  return error(
    'home-key',
    `The rules of homes name ${named}, but ${nameOf(source)} has the key ${source.keys.map(attributeText).join(' and ')}.`,
    'The home of an item must not change, and a delete must tell it: name a key attribute of type S in "twoWay.home.rules".',
  );
}

function timeToLive(pair: Pair): Finding[] {
  const { source, destination, bothWays } = pair;
  const [from, to] = [source.timeToLiveAttribute, destination.timeToLiveAttribute];
  if (bothWays === undefined || (from ?? to) === undefined) return [];
  if (from === undefined || to === undefined) return expiryOnOneSide(pair, bothWays);
  if (from !== to)
    return warning(
      'ttl',
      `Items of ${nameOf(source)} expire by "${from}". Items of ${nameOf(destination)} expire by "${to}".`,
      'Each side loses items that the other one has. Use the same attribute on both sides.',
    );
  if (bothWays.ttlDeletes === 'skip') return [];
  return warning(
    'ttl',
    `Items expire by "${from}" on both sides.`,
    'Replicating the deletes of expired items costs WCU without effect. Set "ttlDeletes" to "skip".',
  );
}

function expiryOnOneSide(
  { source, destination }: Pair,
  { mode, ttlDeletes }: NonNullable<Pair['bothWays']>,
): Finding[] {
  const isSource = source.timeToLiveAttribute !== undefined;
  const [expiring, lasting] = isSource ? [source, destination] : [destination, source];
  const attribute = expiring.timeToLiveAttribute ?? '';
  const says = `Items of ${nameOf(expiring)} expire by "${attribute}". Items of ${nameOf(lasting)} do not expire.`;
  const enable = `Enable time to live by "${attribute}" on ${nameOf(lasting)}, too`;
  if (ttlDeletes === 'skip')
    return warning('ttl', says, `With "ttlDeletes": "skip", expired items stay there. ${enable}.`);
  if (mode === 'home')
    return warning(
      'ttl',
      says,
      `Only the expiry of an item at its home is replicated: items whose home is ${lasting.region} stay there, and are lost in ${expiring.region}. ${enable}, and set "ttlDeletes" to "skip".`,
    );
  return note(
    'ttl',
    says,
    'Ferry replicates the deletes of expired items. An expiry loses against every other write of the item.',
  );
}
