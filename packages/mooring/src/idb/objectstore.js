/** Object stores, as programs hold them. */

import { dictionary, failure, need, textOrTexts } from './errors.js';
import { attributes, expose, nameList, only, OURS, own, SELF } from './expose.js';
import { copyOf, IDBIndex } from './idbindex.js';
import { isValid } from './keypath.js';
import { rangeOf } from './range.js';
import { readable } from './readable.js';
import { ask as question } from './source.js';
import { IndexState } from './state.js';
import { ask, needWritable, remove, removeAll } from './writing.js';

export class IDBObjectStore {
  constructor(...given) {
    only(given[0]);
    const [, { work, store }] = given;
    this[SELF] = {
      work, store, rows: store.rows, name: store.name, keyPath: copyOf(store.keyPath), handles: new Map(),
      needPresent() {
        if (store.deleted) throw failure('InvalidStateError', 'The object store was deleted.');
      },
    };
  }

  get name() {
    return own(this).name;
  }

  set name(value) {
    const self = own(this);
    const name = `${value}`;
    const { work, store } = self;
    self.needPresent();
    if (work.mode !== 'versionchange') throw failure('InvalidStateError', 'Only an upgrade can rename an object store.');
    work.needActive();
    if (name === store.name) return;
    if (work.stores.has(name)) throw failure('ConstraintError', 'There is an object store of this name.');
    const before = self.name;
    // one that the abort takes away keeps the name it had last
    if (store.madeBy !== work) work.changes.onUndo(() => { self.name = before; });
    work.connection.database.rename(work, store, name);
    self.name = name;
  }

  get indexNames() {
    const { store } = own(this);
    return nameList(store.deleted ? [] : store.indexes.keys());
  }

  get transaction() {
    return own(this).work.transaction;
  }

  get autoIncrement() {
    return own(this).store.autoIncrement;
  }

  put(value, key = undefined) {
    own(this);
    need(arguments, 1);
    return ask(this, value, key, { isAdd: false });
  }

  add(value, key = undefined) {
    own(this);
    need(arguments, 1);
    return ask(this, value, key, { isAdd: true });
  }

  delete(query) {
    own(this);
    need(arguments, 1);
    needWritable(this);
    return remove(this, rangeOf(query, { required: true }), { source: this });
  }

  clear() {
    own(this);
    const { work, store } = needWritable(this);
    return question(this, () => removeAll(work, store, [...store.rows]));
  }

  index(name) {
    const self = own(this);
    need(arguments, 1);
    const text = `${name}`;
    const { work, store } = self;
    if (store.deleted || work.state === 'finished') throw failure('InvalidStateError', 'The object store was deleted, or its transaction is finished.');
    const index = store.indexes.get(text);
    if (index === undefined) throw failure('NotFoundError', `There is no index “${text}”.`);
    return handle(this, index);
  }

  createIndex(name, keyPath, given = undefined) {
    const self = own(this);
    need(arguments, 2);
    const text = `${name}`;
    const path = textOrTexts(keyPath);
    const { unique = false, multiEntry = false } = dictionary(given);
    const { store } = upgrading(self);
    if (store.indexes.has(text)) throw failure('ConstraintError', `There is an index “${text}”.`);
    if (!isValid(path)) throw failure('SyntaxError', 'The key path is not valid.');
    if (multiEntry && Array.isArray(path)) throw failure('InvalidAccessError', 'An index over several entries has one key path.');
    const index = new IndexState({ name: text, keyPath: path, unique: Boolean(unique), multiEntry: Boolean(multiEntry) });
    index.madeBy = self.work;
    create(self, index);
    return handle(this, index);
  }

  deleteIndex(name) {
    const self = own(this);
    need(arguments, 1);
    const text = `${name}`;
    const { store } = upgrading(self);
    const index = store.indexes.get(text);
    if (index === undefined) throw failure('NotFoundError', `There is no index “${text}”.`);
    destroy(self, index);
  }
}
readable(IDBObjectStore);
attributes(IDBObjectStore, 'keyPath');
expose(IDBObjectStore, 'IDBObjectStore');

/** What a change of indexes needs. */
function upgrading(self) {
  if (self.work.mode !== 'versionchange') throw failure('InvalidStateError', 'Only an upgrade can change indexes.');
  self.needPresent();
  self.work.needActive();
  return self;
}

/** One object per index and transaction. */
function handle(objectStore, index) {
  const { handles } = own(objectStore);
  if (!handles.has(index)) handles.set(index, new IDBIndex(OURS, { objectStore, index }));
  return handles.get(index);
}

function create({ work, store }, index) {
  store.indexes.set(index.name, index);
  work.changes.onUndo(() => {
    store.indexes.delete(index.name);
    store.following.delete(index);
    index.deleted = true;
  });
  work.place({ store, run: () => populate(store, index) });
}

/** The records that are there when its turn comes: they all have to fit. */
function populate(store, index) {
  index.fill(store.rows);
  store.following.add(index);
  for (const row of index.unique ? store.rows : []) {
    if (index.refuses(row)) throw failure('ConstraintError', `Two records have the same value of the unique index “${index.name}”.`);
  }
}

function destroy({ work, store }, index) {
  store.indexes.delete(index.name);
  index.deleted = true;
  work.changes.onUndo(() => {
    store.indexes.set(index.name, index);
    index.deleted = false;
  });
  // what was asked for before still finds it
  work.place({ store, run: () => {
    if (!store.following.delete(index)) return;
    work.changes.onUndo(() => {
      index.fill(store.rows);
      store.following.add(index);
    });
  } });
}

