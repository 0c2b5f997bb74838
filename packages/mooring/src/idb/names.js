/**
 * What a program names (object stores, properties) as names of collections and fields, and back: a letter a-z, then a-z,
 * 0-9 and _, at most 48 characters.
 *
 * The rule is the engine's: a name that is one already is itself; any other begins with `k___` and says the name,
 * `k___first_name` for `firstName`.
 */

import { failure } from './errors.js';

const LONGEST = 48;
const OF_KEY = 'k___';
const PLAIN = /^(?!k___)[a-z][a-z0-9_]*$/;
const LONE = /\p{Cs}/u;

function character(one) {
  if (/[a-z0-9]/.test(one)) return one;
  if (/[A-Z]/.test(one)) return `_${one.toLowerCase()}`;
  if (one === '_') return '__';
  const number = one.codePointAt(0).toString(16);
  return `_${/^[0-9]/.test(number) ? '' : '0'}${number}_`;
}

/** The name for a text; `undefined` where it would be too long, or where the text is no Unicode. */
export function nameOf(text) {
  if (LONE.test(text)) return undefined;
  const name = PLAIN.test(text) ? text : OF_KEY + Array.from(text, character).join('');
  return name.length <= LONGEST ? name : undefined;
}

/** The text whose name this is; what was named in another way stands for itself. */
export function textOf(name) {
  if (!name.startsWith(OF_KEY)) return name;
  const text = name.slice(OF_KEY.length).replace(/_(?:([0-9][0-9a-f]*)_|([a-z_]))/g, (_, number, letter) =>
    (number === undefined ? letter.toUpperCase() : String.fromCodePoint(Math.min(Number.parseInt(number, 16), 0x10ffff))));
  return nameOf(text) === name ? text : name;
}

/**
 * The collection of a store. Databases share a workspace: the name of a store's database is in front, `undefined` where the
 * store's own is enough.
 */
export async function collectionOf(store, database) {
  const all = [database, store].filter(name => name !== undefined);
  const isOne = all.length === 1 || !all.some(name => name.includes('/'));
  return (isOne ? nameOf(all.join('/')) : undefined) ?? `k___more_${(await digest(JSON.stringify([database ?? '', store]))).slice(0, 32)}`;
}

/** SHA-256 of a text, in hexadecimal digits. */
export async function digest(text) {
  if (globalThis.crypto?.subtle === undefined) {
    throw failure('DataError', 'Keys and names that are so long need a page that came over HTTPS.');
  }
  const units = Uint16Array.from({ length: text.length }, (_, at) => text.charCodeAt(at)); // also what is no UTF-8
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', units));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}
