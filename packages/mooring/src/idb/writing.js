/** Writes into a store: checked and copied when they are asked for, done when their turn comes. */

import { failure } from './errors.js';
import { OURS, own } from './expose.js';
import { keyOf, valueOf } from './key.js';
import { canInject, evaluate, inject } from './keypath.js';
import { IDBRequest } from './request.js';
import { ready } from './source.js';
import { Row } from './state.js';
import { toFields } from './value.js';
import { forward } from './walk.js';

function place(objectStore, source, run) {
  const { work, store } = own(objectStore);
  const request = new IDBRequest(OURS, { source, transaction: work.transaction });
  work.place({ request, store, run });
  return request;
}

/** Throws where the store cannot be written now. */
export function needWritable(objectStore) {
  const self = ready(objectStore);
  if (!self.work.isWriting) throw failure('ReadOnlyError', 'The transaction only reads.');
  return self;
}

/** `add` and `put` as programs ask for them. */
export function ask(objectStore, value, given, { isAdd }) {
  const { store, work } = needWritable(objectStore);
  const { keyPath, autoIncrement } = store;
  if (keyPath !== null && given !== undefined) throw failure('DataError', 'The store has its keys in its values.');
  if (keyPath === null && !autoIncrement && given === undefined) throw failure('DataError', 'The store needs a key.');
  let key = given === undefined ? undefined : keyOf(given);
  const clone = work.whileInactive(() => structuredClone(value));
  if (keyPath !== null) {
    const found = evaluate(clone, keyPath);
    if (found !== undefined) key = keyOf(found);
    else if (!autoIncrement) throw failure('DataError', 'The value has no key where the key path points.');
    else if (!canInject(clone, keyPath)) throw failure('DataError', 'A key cannot be put where the key path points.');
  }
  return put(objectStore, clone, key, { source: objectStore, isAdd });
}

/** Puts a clone; without a key its store makes one. */
export function put(objectStore, clone, given, { source, isAdd = false }) {
  const { store, work } = own(objectStore);
  let prepared = given === undefined ? undefined : toFields(clone);
  return place(objectStore, source, () => {
    const { next } = store;
    const key = given ?? withGenerated(store, clone);
    prepared ??= toFields(clone);
    const old = store.get(key);
    const row = new Row(key, clone);
    const refusal = old && isAdd ? 'The key exists already.' : refusalOf(store, row);
    if (refusal !== undefined) {
      store.next = next;
      throw failure('ConstraintError', refusal);
    }
    // a record that is there already may have a number of another device
    if (given !== undefined && store.autoIncrement && !old) store.chosen(key);
    generated(work, store, next);
    change(work, store, old, row, prepared);
    return valueOf(key);
  });
}

function refusalOf(store, row) {
  for (const index of store.following) {
    if (index.refuses(row)) return `Another record has this value of the unique index “${index.name}”.`;
  }
  return undefined;
}

/** A generated key, also where the key path points. */
function withGenerated(store, clone) {
  const key = store.generate();
  if (store.keyPath !== null) inject(clone, store.keyPath, key);
  return key;
}

/** The generator may have gone on: it is kept, and can go back. */
function generated(work, store, before) {
  if (store.next === before) return;
  work.changes.onUndo(() => { store.next = before; });
  work.changes.memo(work.connection.database.generatorMemo(store), () => store.next);
}

/** One record changes, and can be changed back. */
function change(work, store, old, row, prepared) {
  store.replace(old, row);
  work.changes.onUndo(() => store.replace(row, old));
  work.changes.write(store, { key: (row ?? old).key, ...prepared });
}

/** Deletes the records of a range. */
export function remove(objectStore, range, { source }) {
  const { store, work } = own(objectStore);
  return place(objectStore, source, () => removeAll(work, store, forward(store.rows, range, Number.POSITIVE_INFINITY)));
}

/** Deletes some records, or all. */
export function removeAll(work, store, rows) {
  for (const row of rows) change(work, store, row, undefined, {});
}

