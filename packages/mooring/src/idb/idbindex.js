/** Indexes, as programs hold them. */

import { failure } from './errors.js';
import { attributes, expose, only, own, SELF } from './expose.js';
import { readable } from './readable.js';

export class IDBIndex {
  constructor(...given) {
    only(given[0]);
    const [, { objectStore, index }] = given;
    const { work, store } = own(objectStore);
    this[SELF] = {
      objectStore, index, work, store, rows: index.rows, name: index.name, keyPath: copyOf(index.keyPath),
      needPresent() {
        if (index.deleted || store.deleted) throw failure('InvalidStateError', 'The index or its store was deleted.');
      },
    };
  }

  get name() {
    return own(this).name;
  }

  set name(value) {
    const self = own(this);
    const name = `${value}`;
    const { work, store, index } = self;
    if (work.mode !== 'versionchange') throw failure('InvalidStateError', 'Only an upgrade can rename an index.');
    work.needActive();
    self.needPresent();
    if (name === index.name) return;
    if (store.indexes.has(name)) throw failure('ConstraintError', 'There is an index of this name.');
    rename(self, name);
  }

  get multiEntry() {
    return own(this).index.multiEntry;
  }

  get unique() {
    return own(this).index.unique;
  }
}
readable(IDBIndex);
attributes(IDBIndex, 'objectStore', 'keyPath');
expose(IDBIndex, 'IDBIndex');

/** A key path as programs get it. */
export const copyOf = keyPath => (Array.isArray(keyPath) ? [...keyPath] : keyPath);

function rename(self, name) {
  const { work, store, index } = self;
  const before = index.name;
  const set = (from, to) => {
    store.indexes.delete(from);
    store.indexes.set(to, index);
    index.name = to;
  };
  set(before, name);
  self.name = name;
  work.changes.onUndo(() => {
    set(name, before);
    // one that the abort takes away keeps the name it had last
    if (index.madeBy !== work) self.name = before;
  });
}
