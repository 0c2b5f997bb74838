// A program that was written for IndexedDB. It takes the factory; nothing else of it knows Mooring.

const done = request => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

const saved = transaction => new Promise((resolve, reject) => {
  transaction.oncomplete = () => resolve();
  transaction.onabort = () => reject(transaction.error);
});

/**
 * @param {IDBFactory} indexedDB the browser's own, or `indexedDBOn(records)`
 * @returns the people of an address book, kept on this device
 */
export async function openPeople(indexedDB) {
  const request = indexedDB.open('addresses', 1);
  request.onupgradeneeded = () => request.result.createObjectStore('people', { keyPath: 'id' });
  const db = await done(request);
  const people = mode => db.transaction('people', mode).objectStore('people');
  const write = run => {
    const store = people('readwrite');
    run(store);
    return saved(store.transaction);
  };
  return {
    add: person => write(store => store.add(person)),
    get: id => done(people('readonly').get(id)),
    put: person => write(store => store.put(person)),
    delete: id => write(store => store.delete(id)),
    close: () => db.close(),
  };
}
