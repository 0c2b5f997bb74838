/** Key ranges, and what operations take for one. */

import { failure, need } from './errors.js';
import { attributes, expose, only, OURS, own, SELF } from './expose.js';
import { compare, convert, keyOf, valueOf, WRONG_TYPE } from './key.js';

/** @typedef {{ low?: import('./key.js').Key, high?: import('./key.js').Key, lowOpen: boolean, highOpen: boolean }} Range */

/** @type {Range} every key */
export const ALL = { low: undefined, high: undefined, lowOpen: false, highOpen: false };

/** Whether a key is in front of the range. */
export function isBelow(range, key) {
  if (range.low === undefined) return false;
  const order = compare(key, range.low);
  return order < 0 || (order === 0 && range.lowOpen);
}

/** Whether a key is behind the range. */
export function isAbove(range, key) {
  if (range.high === undefined) return false;
  const order = compare(key, range.high);
  return order > 0 || (order === 0 && range.highOpen);
}

const make = range => new IDBKeyRange(OURS, range);

export class IDBKeyRange {
  constructor(...given) {
    only(given[0]);
    const [, range] = given;
    this[SELF] = {
      range,
      // made once, so that a range shows the same object each time
      lower: range.low === undefined ? undefined : valueOf(range.low),
      upper: range.high === undefined ? undefined : valueOf(range.high),
      lowerOpen: range.lowOpen,
      upperOpen: range.highOpen,
    };
  }

  includes(key) {
    const { range } = own(this);
    need(arguments, 1);
    const one = keyOf(key);
    return !isBelow(range, one) && !isAbove(range, one);
  }

  static only(value) {
    need(arguments, 1);
    const key = keyOf(value);
    return make({ low: key, high: key, lowOpen: false, highOpen: false });
  }

  static lowerBound(lower, open = false) {
    need(arguments, 1);
    return make({ low: keyOf(lower), high: undefined, lowOpen: Boolean(open), highOpen: true });
  }

  static upperBound(upper, open = false) {
    need(arguments, 1);
    return make({ low: undefined, high: keyOf(upper), lowOpen: true, highOpen: Boolean(open) });
  }

  static bound(lower, upper, lowerOpen = false, upperOpen = false) {
    need(arguments, 2);
    const range = { low: keyOf(lower), high: keyOf(upper), lowOpen: Boolean(lowerOpen), highOpen: Boolean(upperOpen) };
    const order = compare(range.low, range.high);
    if (order > 0) throw failure('DataError', 'The lower key is greater than the upper key.');
    if (order === 0 && (range.lowOpen || range.highOpen)) throw failure('DataError', 'The range is empty.');
    return make(range);
  }
}
attributes(IDBKeyRange, 'lower', 'upper', 'lowerOpen', 'upperOpen');
expose(IDBKeyRange, 'IDBKeyRange');

/** A range of the platform is as good as one of ours: its keys are read. */
const isForeign = value => typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object IDBKeyRange]';

/**
 * What operations take: a range or a key; nothing at all is every key, unless that is refused.
 * @returns {Range}
 */
export function rangeOf(value, { required = false } = {}) {
  if (value instanceof IDBKeyRange && value[SELF]) return value[SELF].range;
  if (isForeign(value)) {
    const { lower, upper, lowerOpen, upperOpen } = value;
    const key = bound => (bound === undefined ? undefined : keyOf(bound));
    return { low: key(lower), high: key(upper), lowOpen: lowerOpen, highOpen: upperOpen };
  }
  if (value === undefined || value === null) {
    if (required) throw failure('DataError', 'No key or key range specified.');
    return ALL;
  }
  const key = keyOf(value);
  return { low: key, high: key, lowOpen: false, highOpen: false };
}

/** Whether a value is meant as a query and not as options: keys that are wrong by their value count. */
export const isQuery = value => value instanceof IDBKeyRange || isForeign(value) || convert(value) !== WRONG_TYPE;
