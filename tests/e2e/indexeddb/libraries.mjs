// Programs written for IndexedDB, for `idb` and for Dexie: what they do, and what of it others read.
import Dexie from 'dexie';
import { IDBKeyRange, install } from '../../../packages/mooring/src/idb/index.js';
import { openPeople } from '../../../packages/mooring/examples/people.mjs';
import { equal } from './lib.mjs';

const john = { id: 1, name: 'John Doe' };
const stored = (device, collection) => [...device.collections.get(collection)].map(([key, fields]) => [key, JSON.parse(fields)]);

export const sections = {
  'the program of a few lines that is the example': async ({ device, factory }) => {
    const people = await openPeople(factory);
    await people.add(john);
    equal(await people.get(1), john, 'get');
    await people.put({ ...john, name: 'John D. Doe' });
    equal(stored(device, 'people'), [[1, { id: 1, name: 'John D. Doe' }]], 'as others read it');
    await people.delete(1);
    equal(stored(device, 'people'), [], 'deleted');
  },

  'a program on idb': async ({ device, factory }) => {
    const where = globalThis;
    const before = Object.getOwnPropertyDescriptor(where, 'indexedDB');
    install(factory, where);
    try {
      const { openDB } = await import('idb');
      const db = await openDB('addresses', 1, {
        upgrade: db => db.createObjectStore('people', { keyPath: 'id' }).createIndex('by_name', 'name'),
      });
      await db.add('people', john);
      equal(await db.getFromIndex('people', 'by_name', 'John Doe'), john, 'by an index');
      const transaction = db.transaction('people', 'readwrite');
      for await (const cursor of transaction.store) await cursor.update({ ...cursor.value, name: 'Jane' });
      await transaction.done;
      equal(stored(device, 'people'), [[1, { id: 1, name: 'Jane' }]], 'as others read it');
    } finally {
      if (before) Object.defineProperty(where, 'indexedDB', before);
      else delete where.indexedDB;
    }
  },

  'a program on Dexie': async ({ device, factory }) => {
    const db = new Dexie('addresses', { indexedDB: factory, IDBKeyRange });
    db.version(1).stores({ people: '++id, name, *tags' });
    const id = await db.people.add({ name: 'John Doe', tags: ['a', 'b'] });
    equal(id, 1, 'the key');
    await db.people.bulkAdd([{ name: 'Ann', tags: ['b'] }, { name: 'Bob', tags: [] }]);
    equal(await db.people.where('name').startsWithIgnoreCase('j').primaryKeys(), [1], 'where');
    equal(await db.people.where('tags').equals('b').count(), 2, 'an index over several entries');
    await db.transaction('rw', db.people, async () => {
      await db.people.update(id, { name: 'Jane' });
      await db.people.where('name').equals('Bob').delete();
    });
    equal((await db.people.orderBy('name').toArray()).map(one => one.name), ['Ann', 'Jane'], 'in order');
    const failed = db.transaction('rw', db.people, async () => {
      await db.people.clear();
      throw new Error('no');
    });
    equal(await failed.then(() => 'done', error => error.message), 'no', 'a transaction that fails');
    equal(stored(device, 'people').map(([key, { name }]) => [key, name]), [[1, 'Jane'], [2, 'Ann']], 'as others read it');
    db.close();
  },
};
