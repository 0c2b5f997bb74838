/** What object stores and indexes have in common: every question to their rows. */

import { dictionary, oneOf, UNSIGNED_LONG, wholeNumber } from './errors.js';
import { OURS, own, attributes, expose, only, SELF } from './expose.js';
import { valueOf } from './key.js';
import { isQuery, rangeOf } from './range.js';
import { IDBRequest } from './request.js';
import { count, DIRECTIONS, firstIn, forward, some } from './walk.js';

/** A copy of a value, the program's own. */
export const copy = value => (typeof value === 'object' && value !== null ? structuredClone(value) : value);

export class IDBRecord {
  constructor(...given) {
    only(given[0]);
    this[SELF] = given[1];
  }
}
attributes(IDBRecord, 'key', 'primaryKey', 'value');
expose(IDBRecord, 'IDBRecord');

const shapes = {
  values: entry => copy(entry.row.value),
  keys: entry => valueOf(entry.key),
  primaryKeys: entry => valueOf(entry.row.key),
  records: entry => new IDBRecord(OURS, { key: valueOf(entry.key), primaryKey: valueOf(entry.row.key), value: copy(entry.row.value) }),
};

/** A request whose turn comes in the transaction of a store. */
export function ask(source, run) {
  const { work, store } = own(source);
  const request = new IDBRequest(OURS, { source, transaction: work.transaction });
  work.place({ request, store, run });
  return request;
}

/** Throws where a store or an index, and its transaction, cannot be asked now. */
export function ready(source) {
  const self = own(source);
  self.needPresent();
  self.work.needActive();
  return self;
}

/** The first record of a range. */
export function one(source, query, shape) {
  const { rows } = ready(source);
  const range = rangeOf(query, { required: true });
  return ask(source, () => {
    const entry = firstIn(rows, range);
    return entry && shapes[shape](entry);
  });
}

/** How many records are in a range. */
export function counted(source, query) {
  const { rows } = ready(source);
  const range = rangeOf(query);
  return ask(source, () => count(rows, range));
}

/** What `getAll` and its sisters take: a query and a number, or options. */
export function allOptions(query, limit) {
  if (query === undefined || query === null || isQuery(query)) return { query, count: limit, direction: 'next' };
  return options(query);
}

/** The options of `getAllRecords`. */
export function options(given) {
  const { query, count: limit, direction = 'next' } = dictionary(given);
  return { query, count: limit === undefined ? undefined : wholeNumber(limit, UNSIGNED_LONG), direction: oneOf(direction, DIRECTIONS) };
}

/** Records of a range. */
export function all(source, { query, count: limit, direction }, shape) {
  const { rows } = ready(source);
  const range = rangeOf(query);
  const most = limit || Number.POSITIVE_INFINITY;
  return ask(source, () => (direction === 'next' ? forward(rows, range, most) : some(rows, range, direction, most)).map(shapes[shape]));
}

/** The count of `getAll`, converted before anything is checked. */
export const limitOf = limit => (limit === undefined ? undefined : wholeNumber(limit, UNSIGNED_LONG));
