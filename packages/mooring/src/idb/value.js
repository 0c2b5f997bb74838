/**
 * Values of programs as fields of records, and back.
 *
 * The properties of an object are fields of their own: texts, numbers, booleans, lists and objects as JSON, dates as
 * texts of a time. What a field alone does not tell (that its text is a date, that a property is null) is in a second
 * field beside it, so that edits of different properties never meet. A value that is no plain object is in one field.
 */

import { fieldOf, isMeaning, meaningOf, OWN, propertyOf } from './names.js';
import { Decoder, Encoder, isOddNumber, oddName, put } from './tagged.js';

const WHOLE = `${OWN}value`;
const MORE = `${OWN}more`;
/** The field with a key that is too long for a record's key. */
export const KEY = `${OWN}key`;

/** Properties with a field of their own, at most: a record has 512 fields, and each may need two. */
const MOST = 250;

const isPlain = value => typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object Object]';
const isWritable = date => /^\d{4}-/.test(date);

/** What a property means whose field has no value: by the name of the meaning. */
const WITHOUT = { null: null, undefined, NaN: Number.NaN, Infinity: Number.POSITIVE_INFINITY, '-Infinity': Number.NEGATIVE_INFINITY, '-0': -0 };

/** The meaning and the JSON of what a field of its type can hold better than a tagged form. */
function plainForm(value) {
  if (value === null) return { means: 'null' };
  if (value === undefined) return { means: 'undefined' };
  if (typeof value === 'number' && isOddNumber(value)) return { means: oddName(value) };
  if (typeof value === 'bigint') return { means: 'bigint', json: String(value) };
  return undefined;
}

/**
 * @param {unknown} value a clone
 * @returns {{ fields: import('./records.js').Fields, complete: (() => Promise<void>) | undefined }} the fields, and what
 *   has to be done before they can be written: files are read
 */
export function toFields(value) {
  const encoder = new Encoder();
  const fields = {};
  if (isPlain(value)) properties(value, fields, encoder);
  else fields[WHOLE] = [encoder.encode(value, [WHOLE, 0])]; // in a list: null and numbers too
  const { later } = encoder;
  return { fields, complete: later.length === 0 ? undefined : async () => { for (const one of later) await one(); } };
}

function properties(value, fields, encoder) {
  encoder.seen.set(value, []);
  const more = [];
  for (const [at, name] of Object.keys(value).entries()) {
    const field = at < MOST ? fieldOf(name) : undefined;
    if (field === undefined) more.push(name);
    else property(value[name], field, fields, encoder);
  }
  if (more.length > 0) {
    fields[MORE] = more.map((name, at) => [encoder.encode(name, []), encoder.encode(value[name], [MORE, at, 1])]);
  }
}

function property(value, field, fields, encoder) {
  const plain = plainForm(value);
  if (plain) {
    put(fields, meaningOf(field), plain.means);
    if (plain.json !== undefined) put(fields, field, plain.json);
    return;
  }
  const json = encoder.encode(value, [field]);
  if (json.$ === 'date' && json.at !== null && isWritable(json.at)) {
    put(fields, meaningOf(field), 'date');
    put(fields, field, json.at);
  } else {
    put(fields, field, json);
  }
}

const READ = { date: text => new Date(text), bigint: text => BigInt(text) };

/**
 * @param {import('./records.js').Fields} fields
 * @returns {unknown} the value, each time a new one
 */
export function fromFields(fields) {
  const decoder = new Decoder(fields);
  if (Object.hasOwn(fields, WHOLE)) return decoder.decode(fields[WHOLE][0]);
  const value = {};
  decoder.made.set(fields, value);
  for (const field of Object.keys(fields)) {
    if (field === MORE || field === KEY) continue;
    if (!isMeaning(field)) {
      const means = fields[meaningOf(field)];
      if (means === undefined || !(means in WITHOUT)) put(value, propertyOf(field), meant(fields[field], means, decoder));
    } else if (fields[field] in WITHOUT) {
      put(value, propertyOf(field.slice(0, -meaningOf('').length)), WITHOUT[fields[field]]);
    }
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
