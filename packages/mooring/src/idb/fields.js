/**
 * Properties as fields of a record, and back, by the engine's rule: each is the field of its name. What no field can hold
 * is together in one more: `null`, which is no value of a field, and properties whose names are too long.
 */

import { nameOf, textOf } from './names.js';
import { put } from './tagged.js';

const MORE = 'k___more';

/**
 * @param {object} members JSON by the program's names
 * @param {object} types what JSON does not say of some of them
 * @returns {{ fields: import('./records.js').Fields, types: { [name: string]: 'date_time' | 'bytes' } }}
 */
export function named(members, types) {
  const record = { fields: {}, types: {} };
  const more = {};
  for (const member of Object.keys(members)) {
    const name = members[member] === null ? undefined : nameOf(member);
    put(name === undefined ? more : record.fields, name ?? member, members[member]);
    if (name !== undefined && Object.hasOwn(types, member)) put(record.types, name, types[member]);
  }
  if (Object.keys(more).length > 0) record.fields[MORE] = more;
  return record;
}

/** What `named` was given. A value counts for more than the `null` that another device left beside it. */
export function unnamed(fields) {
  const members = {};
  const more = fields[MORE];
  const isMore = typeof more === 'object' && !Array.isArray(more);
  if (isMore) for (const member of Object.keys(more)) put(members, member, more[member]);
  for (const name of Object.keys(fields)) if (name !== MORE || !isMore) put(members, textOf(name), fields[name]);
  return members;
}
