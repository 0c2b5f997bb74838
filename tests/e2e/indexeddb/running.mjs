// Sections of the specification about what happens when: connections, upgrades, transactions, requests, events.
import { done, equal, failure, over, walk } from './lib.mjs';

const store = (db, mode = 'readonly') => db.transaction('s', mode).objectStore('s');

export const sections = {
  '2.1 databases: versions': async bench => {
    const name = bench.name();
    const events = [];
    const first = await bench.database((db, transaction, event) => events.push([event.oldVersion, event.newVersion, transaction.mode, db.version]), name, 3);
    equal(events, [[0, 3, 'versionchange', 3]], 'the upgrade');
    equal((await bench.indexedDB.databases()).filter(one => one.name === name), [{ name, version: 3 }], 'databases()');
    equal(await failure(() => bench.database(null, name, 2)), 'VersionError', 'an older version');
    first.close();
    equal((await bench.database(null, name, null)).version, 3, 'whatever version there is');
    equal(await failure(() => bench.indexedDB.open(name, 0)), 'TypeError', 'version 0');
  },

  '2.1.1 connections: versionchange, blocked': async bench => {
    const name = bench.name();
    const events = [];
    const first = await bench.database(null, name, 1);
    first.onversionchange = ({ oldVersion, newVersion }) => events.push(['versionchange', oldVersion, newVersion]);
    const request = bench.indexedDB.open(name, 2);
    request.onblocked = () => {
      events.push(['blocked']);
      first.close();
    };
    request.onupgradeneeded = () => events.push(['upgrade']);
    bench.open.push(await done(request));
    equal(events, [['versionchange', 1, 2], ['blocked'], ['upgrade']], 'in this order');
    equal(await failure(() => first.transaction('s')), 'InvalidStateError', 'a closed connection');
  },

  '2.7 transactions: those that share a store wait': async bench => {
    const db = await bench.filled([]);
    const order = [];
    const write = text => {
      const transaction = db.transaction('s', 'readwrite');
      transaction.objectStore('s').put(text, 'key').onsuccess = () => order.push(`put ${text}`);
      return over(transaction).then(() => order.push(`done ${text}`));
    };
    const reading = done(store(db).get('key')).then(value => order.push(`read ${value}`));
    const first = write('one');
    const second = write('two');
    const last = done(store(db).get('key')).then(value => order.push(`read ${value}`));
    await Promise.all([reading, first, second, last]);
    equal(order, ['read undefined', 'put one', 'done one', 'put two', 'done two', 'read two'], 'as they were made');
  },

  '2.7 transactions end by themselves, and are not active in between': async bench => {
    const db = await bench.filled([[1, 'one']]);
    const transaction = db.transaction('s', 'readwrite');
    const objects = transaction.objectStore('s');
    equal(await done(objects.get(1)), 'one', 'a promise goes on in it');
    objects.put('two', 2);
    const ended = over(transaction);
    await new Promise(resolve => { setTimeout(resolve, 0); });
    equal(await failure(() => objects.get(1)), 'TransactionInactiveError', 'another task');
    await ended;
    equal(await failure(() => transaction.objectStore('s')), 'InvalidStateError', 'when it is over');
    equal(await failure(() => store(db).put(1, 1)), 'ReadOnlyError', 'one that only reads');
    equal(await failure(() => db.transaction('x')), 'NotFoundError', 'no such store');
    equal(await failure(() => db.transaction([])), 'InvalidAccessError', 'no store at all');
  },

  '2.7 an abort takes everything back': async bench => {
    const db = await bench.filled([[1, { n: 1 }], [2, { n: 2 }]], { n: ['n'] });
    const transaction = db.transaction('s', 'readwrite');
    const objects = transaction.objectStore('s');
    objects.put({ n: 9 }, 1);
    objects.delete(2);
    const last = objects.add({ n: 3 }, 3);
    await done(last);
    const pending = objects.get(1);
    transaction.abort();
    equal(await failure(() => done(pending)), 'AbortError', 'what waited');
    equal(await done(store(db).getAll()), [{ n: 1 }, { n: 2 }], 'records');
    equal(await walk(store(db).index('n').openKeyCursor()), [1, 2], 'indexes');
    equal(await failure(() => transaction.abort()), 'InvalidStateError', 'twice');
  },

  '2.7 commit() waits for nothing more': async bench => {
    const db = await bench.filled([]);
    const transaction = db.transaction('s', 'readwrite');
    const objects = transaction.objectStore('s');
    objects.put('value', 1);
    transaction.commit();
    equal(await failure(() => objects.get(1)), 'TransactionInactiveError', 'afterwards');
    equal(await over(transaction), 'complete', 'it commits');
    equal(await done(store(db).get(1)), 'value', 'what it wrote');
  },

  '2.7.1 an upgrade that fails leaves nothing': async bench => {
    const name = bench.name();
    const db = await bench.database(db => {
      const objects = db.createObjectStore('s');
      objects.createIndex('i', 'a');
      objects.put({ a: 1 }, 1);
    }, name, 1);
    db.close();
    const failed = bench.database((db, transaction) => {
      const objects = transaction.objectStore('s');
      objects.put({ a: 2 }, 2);
      objects.deleteIndex('i');
      objects.name = 'renamed';
      db.createObjectStore('new');
      transaction.abort();
      equal([...db.objectStoreNames], ['s'], 'at once');
    }, name, 2);
    equal(await failure(() => failed), 'AbortError', 'the request');
    const again = await bench.database(null, name, null);
    equal([again.version, [...again.objectStoreNames], [...store(again).indexNames]], [1, ['s'], ['i']], 'as before');
    equal(await done(store(again).index('i').getAll()), [{ a: 1 }], 'records');
  },

  '2.7.1 upgrades: stores and indexes come, go and change their names': async bench => {
    const name = bench.name();
    const first = await bench.database(db => {
      db.createObjectStore('a').put({ n: 1 }, 1);
      db.createObjectStore('b').put('gone', 1);
    }, name, 1);
    first.close();
    const db = await bench.database((db, transaction) => {
      const objects = transaction.objectStore('a');
      objects.createIndex('n', 'n').name = 'number';
      objects.name = 's';
      db.deleteObjectStore('b');
      db.createObjectStore('b').put('new', 2);
      equal([...transaction.objectStoreNames], ['b', 's'], 'in the upgrade');
    }, name, 2);
    equal(await done(store(db).index('number').get(1)), { n: 1 }, 'a new index, a new name');
    equal(await done(db.transaction('b').objectStore('b').getAllKeys()), [2], 'made anew');
  },

  '2.7.1 a unique index on records that do not allow it': async bench => {
    const name = bench.name();
    (await bench.database(db => {
      const objects = db.createObjectStore('s');
      objects.put({ u: 1 }, 1);
      objects.put({ u: 1 }, 2);
    }, name, 1)).close();
    const upgrade = bench.database((db, transaction) => { transaction.objectStore('s').createIndex('u', 'u', { unique: true }); }, name, 2);
    equal(await failure(() => upgrade), 'AbortError', 'is refused');
  },

  '2.8 requests: states, and events that rise': async bench => {
    const db = await bench.filled([[1, 'one']]);
    const seen = [];
    const transaction = db.transaction('s', 'readwrite');
    const request = transaction.objectStore('s').add('again', 1);
    equal([request.readyState, await failure(() => request.result), request.source.name], ['pending', 'InvalidStateError', 's'], 'at first');
    const note = (who, at) => event => {
      seen.push([who, event.eventPhase, event.target === request, event.currentTarget === at]);
      if (who === 'transaction') event.preventDefault();
    };
    db.addEventListener('error', note('db, first', db), true);
    request.onerror = note('request', request);
    transaction.onerror = note('transaction', transaction);
    db.onerror = note('db', db);
    equal(await over(transaction), 'complete', 'prevented');
    equal(seen, [['db, first', 1, true, true], ['request', 2, true, true], ['transaction', 3, true, true], ['db', 3, true, true]], 'in this order');
    equal([request.readyState, request.error.name, request.result], ['done', 'ConstraintError', undefined], 'in the end');
  },

  '2.8 an error that nobody prevents aborts': async bench => {
    const db = await bench.filled([[1, 'one']]);
    const transaction = db.transaction('s', 'readwrite');
    transaction.objectStore('s').put('two', 2);
    transaction.objectStore('s').add('again', 1);
    equal(await failure(() => over(transaction)), 'ConstraintError', 'the transaction');
    equal(await done(store(db).getAllKeys()), [1], 'records');
  },

  '4.3 deleting a database': async bench => {
    const name = bench.name();
    const db = await bench.database(db => { db.createObjectStore('s').put(1, 1); }, name, 4);
    db.onversionchange = event => {
      equal([event.oldVersion, event.newVersion], [4, null], 'the versions');
      db.close();
    };
    const request = bench.indexedDB.deleteDatabase(name);
    const event = await new Promise(resolve => { request.onsuccess = resolve; });
    equal([event.oldVersion, event.newVersion, request.result], [4, null, undefined], 'the event');
    const again = await bench.database(db => { db.createObjectStore('s'); }, name, 1);
    equal(await done(store(again).count()), 0, 'nothing is left');
  },

  '4.4 what createObjectStore and createIndex refuse': async bench => {
    const names = [];
    await bench.database(async (db, transaction) => {
      db.createObjectStore('s');
      const refused = run => {
        try { run(); } catch (error) { names.push(error.name); }
      };
      refused(() => db.createObjectStore('s'));
      refused(() => db.createObjectStore('x', { keyPath: 'a b' }));
      refused(() => db.createObjectStore('x', { keyPath: '', autoIncrement: true }));
      refused(() => transaction.objectStore('s').createIndex('i', ['a'], { multiEntry: true }));
      refused(() => transaction.objectStore('s').index('i'));
      refused(() => transaction.objectStore('x'));
    });
    equal(names, ['ConstraintError', 'SyntaxError', 'InvalidAccessError', 'InvalidAccessError', 'NotFoundError', 'NotFoundError'], 'by these names');
  },
};
