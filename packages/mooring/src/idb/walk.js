/** Walks over rows of a store or an index: ranges, directions, and the next step of a cursor. */

import { compare } from './key.js';
import { isAbove, isBelow } from './range.js';

export const DIRECTIONS = ['next', 'nextunique', 'prev', 'prevunique'];
export const isBackward = direction => direction.startsWith('prev');
export const isUnique = direction => direction.endsWith('unique');

/** The first of the entries with a key. */
const firstOf = (rows, key) => rows.find(entry => compare(entry.key, key) < 0);

/** How many entries are in a range. */
export function count(rows, range) {
  const from = rows.find(entry => isBelow(range, entry.key));
  const to = rows.find(entry => !isAbove(range, entry.key));
  return Math.max(0, rows.rank(to) - rows.rank(from));
}

/** The first entry in a range. */
export function firstIn(rows, range) {
  const entry = rows.at(rows.find(one => isBelow(range, one.key)));
  return entry !== undefined && !isAbove(range, entry.key) ? entry : undefined;
}

/** Some entries of a range, at most `limit`. */
export function some(rows, range, direction, limit) {
  const entries = [];
  let at = undefined;
  while (entries.length < limit) {
    const entry = step(rows, range, direction, at);
    if (entry === undefined) break;
    entries.push(entry);
    at = { key: entry.key, primary: entry.row.key };
  }
  return entries;
}

/** Entries of a range in their order: each costs one step, not one search. */
export function forward(rows, range, limit) {
  const entries = [];
  let place = rows.find(entry => isBelow(range, entry.key));
  for (let entry = rows.at(place); entry !== undefined && entries.length < limit && !isAbove(range, entry.key); entry = rows.at(place)) {
    entries.push(entry);
    place = rows.next(place);
  }
  return entries;
}

/**
 * The entry behind a position, in a direction.
 * @param {{ key, primary } | undefined} position where the cursor is; `undefined` before its first step
 * @param {{ key?, primary? }} [least] the key that is asked for, or one beyond it
 */
export function step(rows, range, direction, position, least = {}) {
  const order = (entry, { key, primary }) => compare(entry.key, key) || (primary === undefined ? 0 : compare(entry.row.key, primary));
  const from = position && isUnique(direction) ? { key: position.key } : position;
  if (!isBackward(direction)) {
    const entry = rows.at(rows.find(one => isBelow(range, one.key)
      || (from !== undefined && order(one, from) <= 0)
      || (least.key !== undefined && order(one, least) < 0)));
    return entry !== undefined && !isAbove(range, entry.key) ? entry : undefined;
  }
  const end = rows.find(one => !isAbove(range, one.key)
    && (from === undefined || order(one, from) < 0)
    && (least.key === undefined || order(one, least) <= 0));
  const entry = rows.at(rows.previous(end));
  if (entry === undefined || isBelow(range, entry.key)) return undefined;
  return direction === 'prevunique' ? rows.at(firstOf(rows, entry.key)) : entry;
}
