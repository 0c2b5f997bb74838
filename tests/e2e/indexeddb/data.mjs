// Sections of the specification about data: keys, key paths, values, ranges, generators, indexes, cursors.
import { done, equal, failure, over, show, walk } from './lib.mjs';

const buffer = (...bytes) => new Uint8Array(bytes).buffer;
const store = (db, mode = 'readonly') => db.transaction('s', mode).objectStore('s');

export const sections = {
  '2.3 values are copies, of every kind': async bench => {
    const db = await bench.filled([]);
    const shared = { n: 1 };
    const cycle = { name: 'cycle' };
    cycle.self = cycle;
    const values = [undefined, null, -0, NaN, 'text', '\ud800', 12n, new Date(5), /a+/gi, new Map([[1, { a: new Set([2]) }]]),
      new Uint16Array([1, 2, 3]), buffer(1, 2), [1, , 3], { a: undefined, b: null, $: 'date', firstName: 'Ada', 'first name': 1, '': 2 },
      Object('boxed'), new RangeError('far'), { when: new Date(0), nested: { when: new Date(1) } }];
    const all = store(db, 'readwrite');
    for (const [at, value] of values.entries()) all.put(value, at);
    all.put([shared, shared], 'shared');
    all.put(cycle, 'cycle');
    const given = { a: 1 };
    all.put(given, 'given');
    given.a = 2;
    await over(all.transaction);
    for (const [at, value] of values.entries()) equal(show(await done(store(db).get(at))), show(value), `value ${at}`);
    const [first, second] = await done(store(db).get('shared'));
    equal(first === second, true, 'one object is one object');
    const back = await done(store(db).get('cycle'));
    equal(back.self === back, true, 'an object that holds itself');
    equal(await done(store(db).get('given')), { a: 1 }, 'as it was when it was given');
    equal(await failure(() => store(db, 'readwrite').put(() => {}, 1)), 'DataCloneError', 'a function');
  },

  '2.4 keys: five types in their order': async bench => {
    const { indexedDB } = bench;
    const keys = [-Infinity, -1, 0, 1.5, 2 ** 60, Infinity, new Date(-1), new Date(1), '', '1', 'a', 'b', '\uffff', buffer(), buffer(1), buffer(1, 0),
      buffer(2), [], [1], [1, 2], ['a'], [[]]];
    for (let at = 1; at < keys.length; at++) {
      equal([indexedDB.cmp(keys[at - 1], keys[at]), indexedDB.cmp(keys[at], keys[at - 1])], [-1, 1], `keys ${at - 1} and ${at}`);
      equal(indexedDB.cmp(keys[at], keys[at]), 0, `key ${at} and itself`);
    }
    const db = await bench.filled([...keys].reverse().map(key => [key, 1]));
    equal(show(await done(store(db).getAllKeys())), show(keys), 'all keys in order');
    const circle = [];
    circle.push(circle);
    for (const [name, value] of Object.entries({ NaN, date: new Date(NaN), object: {}, null: null, hole: [1, , 2], circle, boolean: true, big: 1n })) {
      equal(await failure(() => indexedDB.cmp(value, 1)), 'DataError', name);
    }
  },

  '2.5 key paths, and where they find nothing': async bench => {
    const db = await bench.database(db => {
      db.createObjectStore('deep', { keyPath: 'a.b' });
      db.createObjectStore('two', { keyPath: ['a', 'b.length'] });
      db.createObjectStore('made', { keyPath: 'x.y', autoIncrement: true });
    });
    const write = name => db.transaction(name, 'readwrite').objectStore(name);
    equal(await done(write('deep').put({ a: { b: 'key' } })), 'key', 'inside');
    equal(await failure(() => write('deep').put({ a: 1 })), 'DataError', 'nothing there');
    equal(await failure(() => write('deep').put({ a: { b: 1 } }, 2)), 'DataError', 'a key of its own too');
    equal(await done(write('two').put({ a: 1, b: 'xyz' })), [1, 3], 'a list of paths');
    await done(write('made').put({ name: 'made' }));
    equal(await done(db.transaction('made').objectStore('made').get(1)), { name: 'made', x: { y: 1 } }, 'put where the path points');
    equal(await failure(() => write('made').put({ x: 5 })), 'DataError', 'cannot be put there');
    for (const path of ['a.', '.a', 'a b', '1a', []]) {
      let thrown;
      await bench.database(db => {
        try { db.createObjectStore('s', { keyPath: path }); } catch (error) { thrown = error.name; }
      });
      equal(thrown, 'SyntaxError', `path ${show(path)}`);
    }
  },

  '2.6 indexes follow the records': async bench => {
    const db = await bench.filled([[1, { tags: ['a', 'b', 'a'], n: 1 }], [2, { tags: ['b'], n: 2 }], [3, { n: 1 }]],
      { tag: ['tags', { multiEntry: true }], n: ['n'], both: [['n', 'tags']] });
    const index = name => store(db).index(name);
    equal(await done(index('tag').getAllKeys()), [1, 1, 2], 'each entry, once');
    equal(await done(index('tag').getAllKeys('b')), [1, 2], 'of one entry');
    equal(await done(index('n').getAllKeys(1)), [1, 3], 'in the order of the records');
    equal(await done(index('both').count()), 2, 'all parts must be there');
    const all = store(db, 'readwrite');
    all.put({ tags: ['c'], n: 9 }, 1);
    all.delete(2);
    await over(all.transaction);
    equal(await walk(index('tag').openKeyCursor()), ['c'], 'after a put and a delete');
    equal(await done(index('n').get(9)), { tags: ['c'], n: 9 }, 'by the new value');
  },

  '2.6 unique indexes refuse': async bench => {
    const db = await bench.filled([[1, { u: 'x' }]], { u: ['u', { unique: true }] });
    equal(await failure(() => done(store(db, 'readwrite').add({ u: 'x' }, 2))), 'ConstraintError', 'another record');
    equal(await done(store(db, 'readwrite').put({ u: 'x', more: 1 }, 1)), 1, 'the record itself');
    equal(await done(store(db).count()), 1, 'only the first');
  },

  '2.9 key ranges': async bench => {
    const { IDBKeyRange } = bench;
    const db = await bench.filled([1, 2, 3, 4, 5].map(key => [key, key]));
    const keys = range => done(store(db).getAllKeys(range));
    equal(await keys(IDBKeyRange.bound(2, 4)), [2, 3, 4], 'both ends');
    equal(await keys(IDBKeyRange.bound(2, 4, true, true)), [3], 'open ends');
    equal(await keys(IDBKeyRange.lowerBound(4)), [4, 5], 'from');
    equal(await keys(IDBKeyRange.upperBound(2, true)), [1], 'to');
    equal(await keys(IDBKeyRange.only(3)), [3], 'one');
    equal(await done(store(db).count(IDBKeyRange.bound(2.5, 9))), 3, 'count');
    equal(IDBKeyRange.bound(1, 3, true).includes(1), false, 'includes');
    equal(await failure(() => IDBKeyRange.bound(2, 1)), 'DataError', 'the wrong way round');
    equal(await failure(() => IDBKeyRange.only({})), 'DataError', 'no key');
  },

  '2.10 cursors: directions, jumps, what is changed below them': async bench => {
    const { IDBKeyRange } = bench;
    const db = await bench.filled([1, 2, 3, 4].map(key => [key, { half: Math.floor(key / 2) }]), { half: ['half'] });
    const index = () => store(db).index('half');
    const pair = cursor => [cursor.key, cursor.primaryKey];
    const go = cursor => cursor.continue();
    equal(await walk(index().openCursor(), go, pair), [[0, 1], [1, 2], [1, 3], [2, 4]], 'next');
    equal(await walk(index().openCursor(null, 'prev'), go, pair), [[2, 4], [1, 3], [1, 2], [0, 1]], 'prev');
    equal(await walk(index().openCursor(null, 'nextunique'), go, pair), [[0, 1], [1, 2], [2, 4]], 'nextunique');
    equal(await walk(index().openCursor(null, 'prevunique'), go, pair), [[2, 4], [1, 2], [0, 1]], 'prevunique');
    equal(await walk(store(db).openCursor(), cursor => cursor.advance(2)), [1, 3], 'advance');
    equal(await walk(store(db).openCursor(IDBKeyRange.lowerBound(2)), cursor => cursor.continue(cursor.key + 1.5)), [2, 4], 'to a key');
    equal(await walk(index().openCursor(), cursor => (cursor.key === 0 ? cursor.continuePrimaryKey(1, 3) : 'stop'), pair), [[0, 1], [1, 3]], 'to a record');
    const request = store(db, 'readwrite').openCursor();
    equal(await walk(request, cursor => {
      if (cursor.key === 2) cursor.delete();
      else cursor.update({ half: 7 });
      cursor.source.delete(3);
      cursor.continue();
    }), [1, 2, 4], 'what is deleted in front is not met');
    equal(await done(index().getAllKeys(7)), [1, 4], 'what it changed');
    const cursor = await done(store(db).openKeyCursor());
    equal([await failure(() => cursor.continue(1)), await failure(() => cursor.advance(0))], ['DataError', 'TypeError'], 'it goes on');
  },

  '2.11 key generators': async bench => {
    const db = await bench.database(db => { db.createObjectStore('s', { autoIncrement: true }); });
    const put = (...given) => done(store(db, 'readwrite').put('value', ...given));
    equal([await put(), await put()], [1, 2], 'from 1');
    await put(10.7);
    await put(-5);
    await put('text');
    equal(await put(), 11, 'behind a number that was chosen');
    const aborted = db.transaction('s', 'readwrite');
    equal(await done(aborted.objectStore('s').put('value')), 12, 'in a transaction');
    aborted.abort();
    equal(await failure(() => over(aborted)), 'Error', 'that is aborted');
    equal(await put(), 12, 'goes back with it');
    await done(store(db, 'readwrite').clear());
    equal(await put(), 13, 'goes on when all is gone');
    await put(2 ** 53);
    equal(await failure(put), 'ConstraintError', 'nothing is left');
  },

  '4.5 getAllRecords and options': async bench => {
    const db = await bench.filled([1, 2, 3].map(key => [key, key * 10]));
    if (!('getAllRecords' in store(db))) return;
    const records = await done(store(db).getAllRecords({ direction: 'prev', count: 2 }));
    equal(records.map(({ key, primaryKey, value }) => [key, primaryKey, value]), [[3, 3, 30], [2, 2, 20]], 'records');
    equal(await done(store(db).getAllKeys({ direction: 'prev' })), [3, 2, 1], 'keys');
    equal(await done(store(db).getAll(null, 2)), [10, 20], 'a query and a count');
  },
};
