// Programs at random: the same one on two factories must tell the same of everything it sees.
import { done, failure, show } from './lib.mjs';

/** Numbers from a seed (mulberry32), so that a failure can be run again. */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const DIRECTIONS = ['next', 'nextunique', 'prev', 'prevunique'];

class Program {
  constructor({ indexedDB, IDBKeyRange }, seed) {
    Object.assign(this, { indexedDB, IDBKeyRange, next: numbers(seed), seen: [], name: `random ${seed}` });
  }

  below(end) { return Math.floor(this.next() * end); }

  one(list) { return list[this.below(list.length)]; }

  key() {
    const n = this.below(12);
    return this.one([n, n / 2, `k${n}`, new Date(n), [n, 'a'], new Uint8Array([n]), n, n]);
  }

  value() {
    return { a: this.one([this.below(5), `t${this.below(4)}`, undefined, null]), tags: Array.from({ length: this.below(4) }, () => this.below(5)), u: this.below(60), id: this.key() };
  }

  query() {
    const { IDBKeyRange } = this;
    const pick = () => this.one([this.below(12), `k${this.below(12)}`]);
    return this.one([
      () => null, pick, () => IDBKeyRange.lowerBound(pick(), this.below(2) === 1), () => IDBKeyRange.upperBound(pick(), this.below(2) === 1),
      () => IDBKeyRange.bound(this.below(6), this.below(6) + 6, this.below(2) === 1, this.below(2) === 1),
    ])();
  }

  note(...what) { this.seen.push(show(what)); }

  async tell(what, run) {
    let result;
    const name = await failure(async () => { result = await run(); });
    this.note(what, name, result);
  }

  async walk(source, direction, mayWrite) {
    const request = source.openCursor(this.query(), direction);
    for (let steps = 0; steps < 30; steps++) {
      const cursor = await done(request);
      if (cursor === null) return;
      this.note('cursor', cursor.key, cursor.primaryKey, cursor.value);
      if (mayWrite && this.below(6) === 0) await this.tell('update', () => done(cursor.update({ ...cursor.value, a: this.below(5) })));
      else if (mayWrite && this.below(8) === 0) await this.tell('delete', () => done(cursor.delete()));
      if (this.below(5) === 0) cursor.advance(1 + this.below(3));
      else cursor.continue();
    }
  }

  async step(store, isWriting) {
    const { keyPath } = store;
    const source = this.one([store, ...Array.from(store.indexNames, name => store.index(name))]);
    const write = () => {
      const value = this.value();
      const method = this.one(['put', 'put', 'add']);
      return this.tell(method, () => done(keyPath === null ? store[method](value, this.one([this.key(), undefined])) : store[method](value)));
    };
    const read = [
      () => this.tell('get', () => done(source.get(this.query()))),
      () => this.tell('getKey', () => done(source.getKey(this.query()))),
      () => this.tell('getAll', () => done(source.getAll(this.query(), this.below(6)))),
      () => this.tell('getAllKeys', () => done(source.getAllKeys(this.query()))),
      () => this.tell('count', () => done(source.count(this.query()))),
      () => this.walk(source, this.one(DIRECTIONS), isWriting),
    ];
    const change = [write, write, write, write, () => this.tell('delete', () => done(store.delete(this.query())))];
    await this.one(isWriting ? [...read, ...change] : read)();
  }

  async run() {
    const request = this.indexedDB.open(this.name, 1);
    request.onupgradeneeded = () => {
      for (const [name, options] of [['outside', {}], ['inside', { keyPath: 'id' }], ['made', { autoIncrement: true }]]) {
        const store = request.result.createObjectStore(name, options);
        store.createIndex('a', 'a');
        store.createIndex('tags', 'tags', { multiEntry: true });
        store.createIndex('u', 'u', { unique: true });
        store.createIndex('both', ['a', 'u']);
      }
    };
    const db = await done(request);
    for (let turns = 0; turns < 12; turns++) {
      const isWriting = this.below(3) > 0;
      const names = this.one([['outside'], ['inside'], ['made'], ['inside', 'outside']]);
      const transaction = db.transaction(names, isWriting ? 'readwrite' : 'readonly');
      const end = new Promise(resolve => { transaction.oncomplete = transaction.onabort = event => resolve(event.type); });
      for (let steps = this.below(14); steps >= 0; steps--) await this.step(transaction.objectStore(this.one(names)), isWriting);
      if (isWriting && this.below(4) === 0) transaction.abort();
      this.note(await end, names);
    }
    this.seen.push(...await look(db));
    db.close();
    return this.seen;
  }
}

/** All that is in a database. */
async function look(db) {
  const seen = [];
  for (const name of db.objectStoreNames) {
    const store = () => db.transaction(name).objectStore(name);
    seen.push(show(await done(store().getAll())), show(await done(store().getAllKeys())));
    for (const index of store().indexNames) seen.push(show(await done(store().index(index).getAllKeys())));
  }
  return seen;
}

/** What a program sees on a factory. */
export async function run(factory, seed) {
  const program = new Program(factory, seed);
  const seen = await program.run();
  await done(factory.indexedDB.deleteDatabase(program.name));
  return seen;
}

/** What there is at the end of a program, and what another factory finds of it. */
export async function found(factory, other, seed) {
  const program = new Program(factory, seed);
  await program.run();
  const [one, two] = [await done(factory.indexedDB.open(program.name)), await done(other.indexedDB.open(program.name))];
  return [await look(one), await look(two)];
}
