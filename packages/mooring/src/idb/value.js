/**
 * Values of programs as fields of records, and back.
 *
 * The properties of an object are fields of their own: texts, numbers, booleans, lists and objects as JSON, dates as
 * points in time. What a field alone does not tell (that a property is a date, or undefined) is in a second field beside
 * it, so that edits of different properties never meet. A value that is no plain object is in one field.
 */

import { fromBase64 } from './bytes.js';
import { named, unnamed } from './fields.js';
import { Decoder, Encoder, isLone, isOddNumber, oddName, put } from './tagged.js';

/** What begins the names of fields that are no property; a property that begins so gets more in front. */
const OWN = 'idb_';
const PROPERTY = 'idb_own_';
const MEANING = 'idb_is_';
const WHOLE = 'idb_value';
const MORE = 'idb_more';
/** The field with a key that is too long for a record's key. */
export const KEY = 'idb_key';

/** Properties with a field of their own, at most: a record has 512 fields, and each may need two. */
const MOST = 250;

const fieldOf = property => (property.startsWith(OWN) ? PROPERTY + property.slice(OWN.length) : property);
const propertyOf = field => (field.startsWith(PROPERTY) ? OWN + field.slice(PROPERTY.length) : field);
const meaningOf = field => MEANING + field;

const isPlain = value => typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object Object]';
const isWritable = date => /^\d{4}-/.test(date);

/** What a property is whose field has no value: by the name of the meaning. */
const WITHOUT = { undefined, NaN: Number.NaN, Infinity: Number.POSITIVE_INFINITY, '-Infinity': Number.NEGATIVE_INFINITY, '-0': -0 };

/** The meaning of what a field of its type cannot hold, and its JSON where it has one. */
function plainForm(value) {
  if (value === undefined) return { means: 'undefined' };
  if (typeof value === 'number' && isOddNumber(value)) return { means: oddName(value) };
  if (typeof value === 'bigint') return { means: 'bigint', json: String(value) };
  return undefined;
}

/**
 * @param {unknown} value a clone
 * @returns {{ fields: object, types: object, complete: (() => Promise<void>) | undefined }} the fields and what they are,
 *   and what has to be done before they can be written: files are read
 */
export function toFields(value) {
  const encoder = new Encoder();
  const record = { fields: {}, types: {} };
  if (isPlain(value)) properties(value, record, encoder);
  else record.fields[WHOLE] = [encoder.encode(value, [WHOLE, 0])]; // in a list: then null is a value too
  const { later } = encoder;
  return { ...named(record.fields, record.types), complete: later.length === 0 ? undefined : async () => { for (const one of later) await one(); } };
}

function properties(value, record, encoder) {
  encoder.seen.set(value, []);
  const names = Object.keys(value);
  const more = [];
  for (const [at, name] of names.entries()) {
    if (at >= MOST || isLone(name)) more.push(name);
    else property(value[name], fieldOf(name), record, encoder);
  }
  if (more.length > 0) {
    record.fields[MORE] = more.map((name, at) => [encoder.encode(name, []), encoder.encode(value[name], [MORE, at, 1])]);
  }
}

function property(value, field, { fields, types }, encoder) {
  const plain = plainForm(value);
  if (plain) {
    put(fields, meaningOf(field), plain.means);
    if (plain.json !== undefined) put(fields, field, plain.json);
    return;
  }
  const json = encoder.encode(value, [field]);
  const typed = typedForm(json);
  if (typed) {
    put(fields, meaningOf(field), typed.means);
    put(fields, field, typed.text);
    put(types, field, typed.type);
    encoder.forget(value); // nothing can refer to a text: where it is met again, it is written again
  } else {
    put(fields, field, json);
  }
}

/** The text of what a field of a type of its own holds, that type, and the meaning. */
function typedForm(json) {
  if (json?.$ === 'date' && json.at !== null && isWritable(json.at)) return { means: 'date', type: 'date_time', text: json.at };
  const bytes = json?.$ === 'view' && json.type === 'Uint8Array' && json.from === 0 ? json.buffer : json;
  if (bytes?.$ !== 'bytes' || bytes.most !== undefined) return undefined;
  const text = bytes.base64;
  if (bytes === json) return { means: 'ArrayBuffer', type: 'bytes', text };
  return json.length === fromBase64(text).length ? { means: 'Uint8Array', type: 'bytes', text } : undefined;
}

const READ = {
  date: text => new Date(text),
  bigint: text => BigInt(text),
  ArrayBuffer: text => fromBase64(text).buffer,
  Uint8Array: fromBase64,
};

/**
 * @param {import('./records.js').Fields} given
 * @returns {unknown} the value, each time a new one
 */
export function fromFields(given) {
  const fields = unnamed(given);
  const decoder = new Decoder(fields);
  if (Object.hasOwn(fields, WHOLE)) return decoder.decode(fields[WHOLE][0]);
  const value = {};
  decoder.made.set(fields, value);
  for (const field of Object.keys(fields)) {
    if (field === MORE || field === KEY) continue;
    if (!field.startsWith(MEANING)) {
      put(value, propertyOf(field), meant(fields[field], fields[meaningOf(field)], decoder));
      continue;
    }
    const property = field.slice(MEANING.length);
    // a value that others wrote meanwhile counts for more than that there was none
    if (fields[field] in WITHOUT && !Object.hasOwn(fields, property)) put(value, propertyOf(property), WITHOUT[fields[field]]);
  }
  for (const [name, one] of fields[MORE] ?? []) put(value, decoder.decode(name), decoder.decode(one));
  return value;
}

/** What others wrote into a field may not be what its meaning says: then it is itself. */
function meant(json, means, decoder) {
  if (typeof json === 'string' && Object.hasOwn(READ, means ?? '')) {
    try {
      const value = READ[means](json);
      if (!(value instanceof Date) || !Number.isNaN(value.getTime())) return value;
    } catch {
      return json;
    }
  }
  return decoder.decode(json);
}
