/**
 * Keys of IndexedDB: what is one, in which order they are, and what programs see of them.
 *
 * Inside, a number is a number, a text a text, a date a `Date`, a binary key a `Uint8Array` of its own and an array an
 * array of keys. They are never changed.
 *
 * @typedef {number | string | Date | Uint8Array | Key[]} Key
 */

import { failure } from './errors.js';

/** What is no key: a value of the wrong type, or one of the right type without a place in the order. */
export const WRONG_TYPE = Symbol('wrong type');
export const WRONG_VALUE = Symbol('wrong value');

const dateOf = Date.prototype.getTime;
const bytesOf = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength').get;

/** The time of a `Date` of any realm; `undefined` for everything else. */
function timeOf(value) {
  try {
    return dateOf.call(value);
  } catch {
    return undefined;
  }
}

function isBuffer(value) {
  try {
    bytesOf.call(value);
    return true;
  } catch {
    return false;
  }
}

/** Whether a buffer was handed over to somebody else. */
function isDetached(buffer) {
  if (buffer.detached !== undefined) return buffer.detached;
  if (buffer.byteLength !== 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function binary(value) {
  const view = ArrayBuffer.isView(value);
  const buffer = view ? value.buffer : value;
  if (isBuffer(buffer) && isDetached(buffer)) return WRONG_VALUE;
  const bytes = view ? new Uint8Array(buffer, value.byteOffset, value.byteLength) : new Uint8Array(buffer);
  return bytes.slice();
}

/**
 * Converts a value to a key.
 * @returns {Key | typeof WRONG_TYPE | typeof WRONG_VALUE}
 */
export function convert(value, seen = []) {
  if (typeof value === 'number') return Number.isNaN(value) ? WRONG_VALUE : value;
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object') return WRONG_TYPE;
  const time = timeOf(value);
  if (time !== undefined) return Number.isNaN(time) ? WRONG_VALUE : new Date(time);
  if (ArrayBuffer.isView(value) || isBuffer(value)) return binary(value);
  return Array.isArray(value) ? convertArray(value, seen) : WRONG_TYPE;
}

function convertArray(value, seen) {
  if (seen.includes(value)) return WRONG_VALUE;
  const within = [...seen, value];
  // no push: a program may have put setters for numbers on a prototype
  const keys = Array.from({ length: value.length }, (_, at) => (Object.hasOwn(value, at) ? convert(value[at], within) : WRONG_VALUE));
  return keys.some(key => typeof key === 'symbol') ? WRONG_VALUE : keys;
}

/** The keys that an index over several entries makes of a value: those that are keys, each once. */
export function convertMulti(value) {
  if (!Array.isArray(value)) return convert(value);
  const keys = [];
  for (let at = 0; at < value.length; at++) {
    const key = Object.hasOwn(value, at) ? convert(value[at], [value]) : WRONG_TYPE;
    if (typeof key !== 'symbol' && !keys.some(other => compare(other, key) === 0)) keys.push(key);
  }
  return keys;
}

/** A key, or the `DataError` that every operation throws. */
export function keyOf(value) {
  const key = convert(value);
  if (typeof key === 'symbol') throw failure('DataError', 'The value is not a valid key.');
  return key;
}

// numbers, then dates, texts, binaries, arrays
const rank = key => (typeof key === 'number' ? 0 : typeof key === 'string' ? 2 : key instanceof Date ? 1 : key instanceof Uint8Array ? 3 : 4);

/**
 * The order of keys: -1, 0 or 1.
 * @param {Key} a
 * @param {Key} b
 */
export function compare(a, b) {
  if (typeof a === typeof b && typeof a !== 'object') return a < b ? -1 : a > b ? 1 : 0;
  const [left, right] = [rank(a), rank(b)];
  if (left !== right) return left < right ? -1 : 1;
  if (left === 1) return Math.sign(a.getTime() - b.getTime());
  return compareLists(a, b, left === 3 ? (x, y) => Math.sign(x - y) : compare);
}

function compareLists(a, b, each) {
  for (let at = 0; at < a.length && at < b.length; at++) {
    const order = each(a[at], b[at]);
    if (order !== 0) return order;
  }
  return Math.sign(a.length - b.length);
}

/** The value that programs get for a key, their own to change. */
export function valueOf(key) {
  if (typeof key !== 'object') return key;
  if (key instanceof Date) return new Date(key.getTime());
  if (key instanceof Uint8Array) return key.slice().buffer;
  return key.map(valueOf);
}
