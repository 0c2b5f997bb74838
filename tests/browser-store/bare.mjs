// Bare loops on IndexedDB, as one would write them without a library: what the store is measured against.

const open = (name) =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore('records');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const remove = (name) =>
  new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });

const done = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });

const record = (n) => ({
  id: crypto.randomUUID(),
  name: `John Doe ${n}`,
  email: `john${n}@example.com`,
  phone: `+1-555-${String(n).padStart(7, '0')}`,
  company: `Acme ${n % 997}`,
  notes: `lorem ipsum dolor sit amet ${n} `.repeat(6).slice(0, 150),
  amount: n * 1.25,
  done: n % 2 === 0,
  updated_at: new Date(1.7e12 + n * 1000).toISOString(),
});

const records = (count) => Array.from({ length: count }, (_, n) => record(n));

/** One transaction, one put for each record, the browser's default durability. */
export async function bulk(name, count) {
  await remove(name);
  const database = await open(name);
  const all = records(count);
  const start = performance.now();
  const transaction = database.transaction('records', 'readwrite');
  const store = transaction.objectStore('records');
  for (const one of all) store.put(one, one.id);
  await done(transaction);
  const took = performance.now() - start;
  database.close();
  return took;
}

/** One strict transaction for each record, waited for. */
export async function singles(name, count) {
  await remove(name);
  const database = await open(name);
  const all = records(count);
  const start = performance.now();
  for (const one of all) {
    const transaction = database.transaction('records', 'readwrite', { durability: 'strict' });
    transaction.objectStore('records').put(one, one.id);
    transaction.commit();
    await done(transaction);
  }
  const took = performance.now() - start;
  database.close();
  return took;
}

/** Fills a store for `getAll`; not measured. */
export async function fill(name, count) {
  await remove(name);
  const database = await open(name);
  for (let at = 0; at < count; at += 10_000) {
    const transaction = database.transaction('records', 'readwrite', { durability: 'relaxed' });
    for (let n = at; n < Math.min(count, at + 10_000); n++) {
      const one = record(n);
      transaction.objectStore('records').put(one, one.id);
    }
    await done(transaction);
  }
  database.close();
}

/** All records as objects, in one request. */
export async function getAll(name, count) {
  const database = await open(name);
  const start = performance.now();
  const all = await new Promise((resolve, reject) => {
    const request = database.transaction('records').objectStore('records').getAll();
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const whole = all.filter((one) => one.email.endsWith('example.com')).length;
  const took = performance.now() - start;
  database.close();
  if (whole !== count) throw new Error(`${whole} records`);
  return took;
}
