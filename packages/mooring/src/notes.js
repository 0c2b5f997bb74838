// Small values that a device keeps for itself, by name: in a database of their own, or in memory.

const TEXTS = 'notes';

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

/** The notes of a store. `store` undefined: in memory. */
export class Notes {
  #memory = new Map();
  #database;

  constructor(store) {
    if (store === undefined) return;
    const request = indexedDB.open(`mooring-notes/${store}`, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TEXTS);
    this.#database = done(request);
    this.#database.catch(() => {}); // told where it is used
  }

  /** Those whose names begin so, by name. */
  async read(prefix) {
    if (!this.#database) {
      const found = [...this.#memory].filter(([name]) => name.startsWith(prefix)).sort();
      return found.map(([name, text]) => ({ name, value: JSON.parse(text) }));
    }
    const notes = (await this.#database).transaction(TEXTS).objectStore(TEXTS);
    const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
    const [names, texts] = await Promise.all([done(notes.getAllKeys(range)), done(notes.getAll(range))]);
    return names.map((name, at) => ({ name, value: JSON.parse(texts[at]) }));
  }

  /** Writes all of them, durably; `undefined` removes one. Gives what they were. */
  async write(notes) {
    if (notes.length === 0) return [];
    const before = await Promise.all(notes.map(async ({ name }) => {
      const found = (await this.read(name)).find((note) => note.name === name);
      return { name, value: found?.value };
    }));
    if (!this.#database) {
      for (const { name, value } of notes) {
        if (value === undefined) this.#memory.delete(name);
        else this.#memory.set(name, JSON.stringify(value));
      }
      return before;
    }
    const transaction = (await this.#database).transaction(TEXTS, 'readwrite', { durability: 'strict' });
    const kept = transaction.objectStore(TEXTS);
    for (const { name, value } of notes) {
      if (value === undefined) kept.delete(name);
      else kept.put(JSON.stringify(value), name);
    }
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    return before;
  }
}
