// Several tabs of one device, each with a factory of its own over the same records. In a page: locks and channels are a
// browser's.
import { done, equal, over } from './lib.mjs';

const count = db => {
  const transaction = db.transaction('s', 'readwrite');
  const store = transaction.objectStore('s');
  store.get('n').onsuccess = ({ target }) => { store.put(target.result + 1, 'n'); };
  return over(transaction);
};

async function open(factory, name, version = 1, upgrade = db => { db.createObjectStore('s', { autoIncrement: true }).put(0, 'n'); }) {
  const request = factory.open(name, version);
  request.onupgradeneeded = ({ oldVersion }) => upgrade(request.result, oldVersion);
  return done(request);
}

const locks = async name => (await navigator.locks.query()).held.filter(lock => lock.name.includes(name));

export const sections = {
  'transactions of two tabs on one store are one after the other': async ({ tabs: [one, two], name }) => {
    const dbs = [await open(one, name), await open(two, name)];
    await Promise.all(Array.from({ length: 40 }, (_, at) => count(dbs[at % 2])));
    equal(await done(dbs[0].transaction('s').objectStore('s').get('n')), 40, 'none is lost');
    const keys = [];
    for (let at = 0; at < 6; at++) keys.push(await done(dbs[at % 2].transaction('s', 'readwrite').objectStore('s').add('value')));
    equal(keys, [1, 2, 3, 4, 5, 6], 'one generator');
    for (const db of dbs) db.close();
  },

  'an upgrade asks the connections of other tabs, and waits': async ({ tabs: [one, two], name }) => {
    const seen = [];
    const old = await open(one, name);
    old.onversionchange = event => seen.push(['versionchange', event.oldVersion, event.newVersion]);
    const request = two.open(name, 2);
    request.onblocked = () => {
      seen.push(['blocked']);
      old.close();
    };
    request.onupgradeneeded = () => {
      seen.push(['upgrade']);
      request.result.createObjectStore('more');
    };
    const db = await done(request);
    equal(seen, [['versionchange', 1, 2], ['blocked'], ['upgrade']], 'in this order');
    const again = await open(one, name, 2);
    equal([...again.objectStoreNames], ['more', 's'], 'the first tab sees what the other made');
    db.close();
    again.close();
  },

  'a tab that closes when it is asked does not block': async ({ tabs: [one, two], name }) => {
    const seen = [];
    const old = await open(one, name);
    old.onversionchange = () => old.close();
    const request = two.deleteDatabase(name);
    request.onblocked = () => seen.push('blocked');
    await done(request);
    equal(seen, [], 'events');
    equal(await one.databases(), [], 'it is gone for both');
  },

  'what a tab writes while another has the store in memory is seen there': async ({ tabs: [one, two], name }) => {
    const [first, second] = [await open(one, name), await open(two, name)];
    const read = db => done(db.transaction('s').objectStore('s').get('key'));
    equal(await read(first), undefined, 'at first');
    for (const value of ['a', 'b', 'c']) {
      const transaction = second.transaction('s', 'readwrite');
      transaction.objectStore('s').put(value, 'key');
      await over(transaction);
      equal(await read(first), value, 'at once');
    }
    first.close();
    second.close();
  },

  'who closes and opens again is still alone': async ({ tabs: [one], name }) => {
    for (let times = 0; times < 5; times++) {
      const db = await open(one, name);
      equal((await locks(name)).map(({ mode }) => mode), ['exclusive'], 'its lock');
      db.close();
    }
  },

  'who is alone takes one lock, and who has left none': async ({ tabs: [one, two], name }) => {
    const db = await open(one, name);
    await count(db);
    const alone = await locks(name);
    equal(alone.map(({ mode }) => mode), ['exclusive'], 'alone');
    const other = await open(two, name);
    await count(other);
    const all = (await locks(name)).map(lock => lock.name);
    db.close();
    other.close();
    await done(one.deleteDatabase(name));
    await Promise.all(all.map(lock => navigator.locks.request(lock, () => {}))); // they are given back
    equal(await locks(name), [], 'all have left');
  },
};
