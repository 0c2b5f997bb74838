/** Cursors. */

import { failure, need, UNSIGNED_LONG, wholeNumber } from './errors.js';
import { attributes, expose, only, OURS, own, SELF } from './expose.js';
import { compare, convert, keyOf, valueOf } from './key.js';
import { evaluate } from './keypath.js';
import { rangeOf } from './range.js';
import { IDBRequest } from './request.js';
import { copy, ready } from './source.js';
import { put, remove } from './writing.js';
import { isBackward, step } from './walk.js';

export class IDBCursor {
  constructor(...given) {
    only(given[0]);
    this[SELF] = { key: undefined, primaryKey: undefined, hasValue: false, position: undefined, ...given[1] };
  }

  advance(count) {
    const self = own(this);
    need(arguments, 1);
    const steps = wholeNumber(count, UNSIGNED_LONG);
    if (steps === 0) throw new TypeError('A count of 0 does not advance a cursor.');
    active(self);
    present(self);
    needValue(self);
    move(this, { steps });
  }

  continue(key = undefined) {
    const self = own(this);
    active(self);
    present(self);
    needValue(self);
    if (key === undefined) {
      move(this, { steps: 1 });
      return;
    }
    const to = keyOf(key);
    const order = compare(to, self.position.key);
    if (isBackward(self.direction) ? order >= 0 : order <= 0) throw failure('DataError', 'The key is not in front of the cursor.');
    move(this, { steps: 1, least: { key: to } });
  }

  continuePrimaryKey(key, primaryKey) {
    const self = own(this);
    need(arguments, 2);
    active(self);
    present(self);
    if (!self.isOfIndex || !['next', 'prev'].includes(self.direction)) {
      throw failure('InvalidAccessError', 'The cursor is not one of an index in the direction next or prev.');
    }
    needValue(self);
    const least = { key: keyOf(key), primary: keyOf(primaryKey) };
    const order = compare(least.key, self.position.key) || compare(least.primary, self.position.primary);
    if (isBackward(self.direction) ? order >= 0 : order <= 0) throw failure('DataError', 'The key is not in front of the cursor.');
    move(this, { steps: 1, least });
  }

  update(value) {
    const self = own(this);
    need(arguments, 1);
    writable(self);
    const { store, work } = own(self.store);
    const clone = work.whileInactive(() => structuredClone(value));
    const key = self.position.primary;
    if (store.keyPath !== null) {
      const found = evaluate(clone, store.keyPath);
      const other = found === undefined ? undefined : convert(found);
      if (other === undefined || typeof other === 'symbol' || compare(other, key) !== 0) {
        throw failure('DataError', 'The value has another key than the record.');
      }
    }
    return put(self.store, clone, key, { source: this });
  }

  delete() {
    const self = own(this);
    writable(self);
    const key = self.position.primary;
    return remove(self.store, rangeOf(valueOf(key)), { source: this });
  }
}
attributes(IDBCursor, 'source', 'direction', 'key', 'primaryKey', 'request');
expose(IDBCursor, 'IDBCursor');

export class IDBCursorWithValue extends IDBCursor {}
attributes(IDBCursorWithValue, 'value');
expose(IDBCursorWithValue, 'IDBCursorWithValue');

const active = self => own(self.store).work.needActive();
const present = self => own(self.source).needPresent();

function needValue(self) {
  if (!self.hasValue) throw failure('InvalidStateError', 'The cursor is moving or has reached the end.');
}

function writable(self) {
  active(self);
  if (!own(self.store).work.isWriting) throw failure('ReadOnlyError', 'The transaction only reads.');
  present(self);
  needValue(self);
  if (!self.withValue) throw failure('InvalidStateError', 'The cursor has keys only.');
}

/** Opens a cursor on a store or an index. */
export function open(source, { query, direction, withValue }) {
  const { work, store, objectStore } = ready(source);
  const range = rangeOf(query);
  const request = new IDBRequest(OURS, { source, transaction: work.transaction });
  const Class = withValue ? IDBCursorWithValue : IDBCursor;
  const cursor = new Class(OURS, {
    source, store: objectStore ?? source, isOfIndex: objectStore !== undefined, request, range, direction, withValue,
  });
  work.place({ request, store, run: () => advance(cursor, { steps: 1 }) });
  return request;
}

function move(cursor, how) {
  const self = own(cursor);
  const { work, store } = own(self.store);
  self.hasValue = false;
  self.request[SELF].isDone = false;
  work.place({ request: self.request, store, run: () => advance(cursor, how) });
}

/** One move; the cursor, or null behind the last record. */
function advance(cursor, { steps, least }) {
  const self = own(cursor);
  const { rows } = own(self.source);
  let entry;
  for (let left = steps; left > 0; left--) {
    entry = step(rows, self.range, self.direction, self.position, least);
    if (entry === undefined) break;
    self.position = { key: entry.key, primary: entry.row.key };
  }
  if (entry === undefined) {
    Object.assign(self, { key: undefined, primaryKey: undefined, value: undefined, position: undefined });
    return null;
  }
  // the same objects as long as the cursor stays, and others than those of the records
  self.key = valueOf(entry.key);
  self.primaryKey = valueOf(entry.row.key);
  if (self.withValue) self.value = copy(entry.row.value);
  self.hasValue = true;
  return cursor;
}
