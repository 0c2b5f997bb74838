/**
 * Keys of IndexedDB as keys of records, and back.
 *
 * A whole number is that number and a plain text is that text, so that people and other programs read them. All else is
 * a text that begins with `~` and a letter: `~n` a number, `~d` a date, `~s` a text that is not plain, `~b` a binary key
 * in base64, `~a` an array as JSON of its keys. What is too long for a record's key becomes `~h` and its SHA-256; the
 * record has the key itself in a field then.
 */

import { fromBase64, toBase64 } from './bytes.js';
import { digest } from './names.js';

/** Bytes of a record's key, at most. */
const LONGEST = 512;
const PLAIN = /^(?!~)[^\p{Cc}\p{Cs}]+$/u;
const TROUBLE = /[\p{Cc}\p{Cs}%]/gu;

const escape = text => text.replace(TROUBLE, unit => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
const unescape = text => text.replace(/%([0-9a-f]{4})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));

/**
 * A number or a text for a key, as long as it takes; different ones for different keys.
 * @param {import('./key.js').Key} key
 * @returns {number | string}
 */
export function written(key) {
  if (typeof key === 'number') return Number.isSafeInteger(key) ? key + 0 : `~n${key}`;
  if (typeof key === 'string') return PLAIN.test(key) ? key : `~s${escape(key)}`;
  if (key instanceof Date) return `~d${key.toISOString()}`;
  if (key instanceof Uint8Array) return `~b${toBase64(key)}`;
  return `~a${JSON.stringify(key.map(written))}`;
}

const readers = {
  n: text => Number(text),
  s: unescape,
  d: text => new Date(text),
  b: fromBase64,
  a: text => JSON.parse(text).map(read),
};

const isKey = key => key !== undefined && !Number.isNaN(key instanceof Date ? key.getTime() : key instanceof Object ? 0 : typeof key === 'number' ? key : 0);

/**
 * The key of what `written` made; a text of somebody else that only looks so is itself.
 * @param {number | string} text
 * @returns {import('./key.js').Key}
 */
export function read(text) {
  if (typeof text === 'number' || !text.startsWith('~')) return text;
  try {
    const key = readers[text[1]]?.(text.slice(2));
    return isKey(key) ? key : text;
  } catch {
    return text;
  }
}

const bytes = new TextEncoder();

/** Whether it fits a record's key. */
export const fits = text => typeof text === 'number' || text.length <= LONGEST / 3 || bytes.encode(text).length <= LONGEST;

/** What stands for a key that does not fit. */
export const shortened = async text => `~h${await digest(text)}`;
