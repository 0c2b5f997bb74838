/**
 * Names of properties and of object stores as names of fields and collections, and back: a letter a-z, then a-z, 0-9 and
 * _, at most 48 characters.
 *
 * A name that is one already, with single underscores inside, stays as it is. In every other one `__` begins what is
 * written otherwise: `__n` is N, `__0` and four hexadecimal digits are any other character, and `p__1` stands in front
 * of what begins with no small letter. So `first_name` is itself, `firstName` is `first__name`, `_id` is `p__10005fid`.
 */

import { failure } from './errors.js';

const LONGEST = 48;
const PLAIN = /^[a-z](?:_?[a-z0-9])*$/;

/** What begins the names of fields that are no property: the value of a record that is no object, for example. */
export const OWN = 'idb_';

/** Behind a property's name: what its field's value means. */
const MEANING = '__2';

const isPlain = name => PLAIN.test(name) && !name.startsWith(OWN);
const code = unit => `__0${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

function escaped(name) {
  const units = Array.from({ length: name.length }, (_, at) => name[at]);
  const body = units.map((unit, at) => {
    if (/[a-z0-9]/.test(unit)) return unit;
    if (/[A-Z]/.test(unit)) return `__${unit.toLowerCase()}`;
    const inside = unit === '_' && at > 0 && /[a-z0-9]/.test(units[at + 1] ?? '') && name.slice(0, at + 1) !== OWN;
    return inside ? '_' : code(unit);
  });
  const text = body.join('');
  return /^[a-z]/.test(text) ? text : `p__1${text}`;
}

/** The field of a property; `undefined` where the name is too long for one. */
export function fieldOf(property) {
  const name = isPlain(property) ? property : escaped(property);
  return name.length + MEANING.length <= LONGEST ? name : undefined;
}

/** The field that says what a property's field means. */
export const meaningOf = field => field + MEANING;

/** Whether a field says what another one means. */
export const isMeaning = field => field.endsWith(MEANING);

/** The property of a field. */
export function propertyOf(field) {
  if (!field.includes('__')) return field;
  return field.replace(/^p__1/, '').replace(/__(?:0([0-9a-f]{4})|([a-z]))/g, (_, hex, letter) =>
    (hex === undefined ? letter.toUpperCase() : String.fromCharCode(Number.parseInt(hex, 16))));
}

/**
 * The collection of a store. Databases share a workspace: a store whose name is another's already gets the name of its
 * database in front.
 */
export async function collectionOf(store, database, { alone }) {
  const name = alone ? fieldOf(store) : undefined;
  if (name !== undefined) return name;
  const whole = `${escaped(database)}__3${escaped(store)}`;
  if (whole.length <= LONGEST) return whole;
  const mark = (await digest(JSON.stringify([database, store]))).slice(0, 24);
  return `p__4${mark}`;
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
