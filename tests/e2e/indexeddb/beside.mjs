// What the specification does not know: records that others read, and what they change. Only of Mooring's factory.
import { done, equal, failure, over, show } from './lib.mjs';

const keysOf = (device, collection) => [...device.collections.get(collection).keys()];
const fieldsOf = (device, collection, key) => JSON.parse(device.collections.get(collection).get(key));
const heard = db => new Promise(resolve => { db.addEventListener('remotechange', ({ detail }) => resolve(detail), { once: true }); });

async function open(factory, upgrade, version = 1) {
  const request = factory.open('addresses', version);
  request.onupgradeneeded = () => upgrade?.(request.result, request.transaction);
  return done(request);
}

const people = db => { db.createObjectStore('people', { keyPath: 'id' }); };
const put = (key, fields) => ({ put: { collection: 'people', key, fields } });
const read = db => done(db.transaction('people').objectStore('people').getAll());

export const sections = {
  'a record is plain fields under a plain key': async ({ device, factory }) => {
    const db = await open(factory, people);
    const all = db.transaction('people', 'readwrite').objectStore('people');
    all.add({ id: 1, name: 'John Doe', born: new Date(0) });
    all.add({ id: 'INV-7', firstName: null });
    all.add({ id: [1, 'a'] });
    all.add({ id: 'x'.repeat(600) });
    await over(all.transaction);
    equal(keysOf(device, 'people').slice(0, 3), [1, 'INV-7', '~a[1,"a"]'], 'keys');
    equal(fieldsOf(device, 'people', 1), { id: 1, name: 'John Doe', born: '1970-01-01T00:00:00.000Z', idb_is_born: 'date' }, 'fields');
    equal(keysOf(device, 'people')[3].length < 512, true, 'a long key is made shorter');
  },

  'what was written is read back, in another tab and after a restart': async ({ device, factory, again }) => {
    const long = 'n'.repeat(60);
    const values = { more: { id: 0, firstName: null, [long]: 'long', 'first name': { firstName: null }, '\udfff': 1, __proto__x: 2 }, a: { id: 1, m: new Map([['k', 1n]]), u: undefined, n: NaN, idb_is_id: 'own' }, b: { id: 2, list: [null, new Date(3)] }, c: { id: 'y'.repeat(600) } };
    const db = await open(factory, people);
    const all = db.transaction('people', 'readwrite').objectStore('people');
    for (const value of Object.values(values)) all.put(value);
    await over(all.transaction);
    const other = await open(again(device));
    equal(show(await read(other)), show(Object.values(values)), 'all values');
    equal(fieldsOf(device, 'people', 0).k___first_20_name, { firstName: null }, 'a field of a name that is none');
  },

  'a date and bytes are of the types that others know, also where a program has them twice': async ({ device, factory, again }) => {
    const [born, photo] = [new Date(5), new Uint8Array([104, 105])];
    const value = { id: 1, born, met: born, photo, same: photo, raw: new Uint8Array([1]).buffer, part: new Uint8Array(4).subarray(1, 3), empty: new Uint8Array() };
    const db = await open(factory, people);
    const writing = db.transaction('people', 'readwrite');
    writing.objectStore('people').put(value);
    await over(writing);
    equal(show(await read(await open(again(device)))), show([value]), 'the object');
    const { met, same, raw } = fieldsOf(device, 'people', 1);
    equal([met, same, raw], ['1970-01-01T00:00:00.005Z', 'aGk=', 'AQ=='], 'fields');
  },

  'an object with files and with more properties than a record has fields': async ({ device, factory, again }) => {
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, at) => [`p${at}`, at]));
    const db = await open(factory, people);
    const all = db.transaction('people', 'readwrite').objectStore('people');
    all.put({ id: 1, file: new Blob(['content'], { type: 'text/plain' }) });
    all.put({ ...many, id: 2 });
    await over(all.transaction);
    const [{ file }, other] = await read(await open(again(device)));
    equal([await file.text(), file.type], ['content', 'text/plain'], 'the file');
    equal(other, { ...many, id: 2 }, 'the object');
    equal(Object.keys(fieldsOf(device, 'people', 2)).length < 512, true, 'fields');
  },

  'records that came before the store are in it, and count for more than the first ones of a program': async ({ device, factory }) => {
    device.write([put(1, { name: 'of others' }), put(9, { name: 'theirs' })]);
    const db = await open(factory, db => {
      const store = db.createObjectStore('people', { keyPath: 'id' });
      store.add({ id: 1, name: 'to begin with' });
      store.add({ id: 2, name: 'to begin with' });
    });
    equal(await read(db), [{ id: 1, name: 'of others' }, { id: 2, name: 'to begin with' }, { id: 9, name: 'theirs' }], 'all of them');
    equal(fieldsOf(device, 'people', 1), { name: 'of others' }, 'what others wrote stays');
  },

  'what others change waits until a transaction is done, and is told': async ({ device, factory }) => {
    const db = await open(factory, people);
    const transaction = db.transaction('people');
    const store = transaction.objectStore('people');
    equal(await done(store.count()), 0, 'nothing yet');
    const told = heard(db);
    device.write([put(5, { name: 'Remote' })]);
    equal(await done(store.count()), 0, 'still nothing');
    equal(await told, { store: 'people', keys: [5], duplicates: [] }, 'the event');
    equal(await read(db), [{ id: 5, name: 'Remote' }], 'afterwards');
    const gone = heard(db);
    device.write([{ delete: { collection: 'people', key: 5 } }]);
    await gone;
    equal(await read(db), [], 'deleted');
  },

  'a value that a unique index refuses here is kept and told when it comes from others': async ({ device, factory }) => {
    const db = await open(factory, db => {
      const store = db.createObjectStore('people', { keyPath: 'id' });
      store.createIndex('mail', 'mail', { unique: true });
      store.add({ id: 1, mail: 'a@example.org' });
    });
    equal((await read(db)).length, 1, 'one');
    const told = heard(db);
    device.write([put(2, { mail: 'a@example.org' })]);
    equal((await told).duplicates, [{ index: 'mail', key: 2 }], 'which');
    equal((await read(db)).length, 2, 'both are there');
  },

  'two devices never make the same number': async ({ deviceOf, again }) => {
    const keys = [];
    for (const ordinal of [0, 1, 2]) {
      const db = await open(again(deviceOf(ordinal)), db => { db.createObjectStore('people', { autoIncrement: true }); });
      const all = () => db.transaction('people', 'readwrite').objectStore('people');
      keys.push(await done(all().add('first')));
      await done(all().put('of another device', keys[0]));
      keys.push(await done(all().add('second')));
    }
    equal(new Set(keys).size, keys.length, `all different: ${keys}`);
    equal(keys.slice(0, 2), [1, 2], 'the first device counts as everywhere');
    equal(keys.every(Number.isSafeInteger), true, 'below 2^53');
  },

  'a write that the device refuses aborts the transaction': async ({ device, factory }) => {
    const db = await open(factory, people);
    device.refuses = new DOMException('no room', 'QuotaExceededError');
    const transaction = db.transaction('people', 'readwrite');
    transaction.objectStore('people').add({ id: 1 });
    equal(await failure(() => over(transaction)), 'QuotaExceededError', 'by its name');
    device.refuses = undefined;
    equal(await read(db), [], 'nothing is there');
  },

  'a write costs one operation for each record that it touches, and a read of the store none': async ({ device, factory }) => {
    device.write(Array.from({ length: 2500 }, (_, at) => put(at, { name: `person ${at}` })));
    const db = await open(factory, people);
    const { calls } = device;
    const spent = async run => {
      const before = { ...calls };
      await run();
      return Object.fromEntries(Object.keys(calls).map(name => [name, calls[name] - before[name]]));
    };
    await read(db);
    const write = run => {
      const transaction = db.transaction('people', 'readwrite');
      run(transaction.objectStore('people'));
      return over(transaction);
    };
    equal(await spent(() => write(store => store.put({ id: 7 }))), { read: 0, get: 0, write: 1, operations: 1 }, 'one put');
    equal(await spent(() => write(store => { for (let at = 0; at < 9; at++) store.put({ id: at % 3, at }); })), { read: 0, get: 0, write: 1, operations: 3 }, 'nine puts of three records');
    equal(await spent(() => read(db)), { read: 0, get: 0, write: 0, operations: 0 }, 'all records');
    const news = heard(db);
    equal(await spent(async () => {
      device.write([put(5, {})]);
      await news;
    }), { read: 0, get: 1, write: 0, operations: 0 }, 'a change of others');
  },

  'what others changed and cannot be read now is read later': async ({ device, factory }) => {
    const db = await open(factory, people);
    equal(await read(db), [], 'nothing yet');
    device.refuses = new Error('the store is away');
    device.write([put(5, { name: 'Remote' })]);
    const asked = device.calls.get;
    while (device.calls.get === asked) await new Promise(resolve => { setImmediate(resolve); });
    equal(await failure(() => read(db)), 'UnknownError', 'a request that needs it');
    device.refuses = undefined;
    equal(await read(db), [{ id: 5, name: 'Remote' }], 'another one');
  },

  'an upgrade that moves records to another store moves them for everybody': async ({ device, factory }) => {
    (await open(factory, db => { db.createObjectStore('people', { keyPath: 'id' }).add({ id: 1 }); })).close();
    await open(factory, (db, transaction) => { transaction.objectStore('people').name = 'persons'; }, 2);
    equal([keysOf(device, 'people'), keysOf(device, 'persons')], [[], [1]], 'keys');
  },

  'stores of the same name in several databases have collections of their own, the same on every device': async ({ deviceOf, again }) => {
    for (const names of [['one', 'addresses'], ['addresses', 'one']]) {
      const device = deviceOf(0);
      for (const name of names) {
        const request = again(device).open(name);
        request.onupgradeneeded = () => { request.result.createObjectStore('s').put(name, 1); };
        await done(request);
      }
      equal([...device.collections.keys()].sort(), ['k___one_2f_s', 's'], 'collections');
      equal(fieldsOf(device, 's', 1), { idb_value: ['addresses'] }, 'whose is which');
    }
  },
};
