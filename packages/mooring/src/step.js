import { wrong } from './error.js';
import { fieldsIn, valueIn } from './values.js';

/** Edits that are saved together. */
export class Step {
  #workspace;
  #ops = [];
  /** By field. */
  #types = new Map();
  #memos = new Map();
  #closed = false;

  constructor(workspace) { this.#workspace = workspace; }

  insert(collection, fields, key) {
    this.#add({ insert: { collection, ...(key === undefined ? {} : { key }), fields: this.#fields(collection, fields) } });
  }

  /** `types`: of fields whose values are texts already and do not say it. */
  put(collection, key, fields, types = {}) {
    for (const [name, type] of Object.entries(types)) this.#type(collection, name, type);
    this.#add({ put: { id: { collection, key }, fields: this.#fields(collection, fields) } });
  }

  /** `seen`: the record as it was read. Without it, it is read now. */
  async edit(collection, key, fields, seen) {
    // what is read is what was there before this step: an edit in it is made on what it made itself
    const before = seen ?? (await this.#workspace.get(collection, key));
    if (!before) throw wrong('There is no such record (any more).');
    const edits = {};
    for (const [name, value] of Object.entries(fields)) {
      const [saw] = valueIn(before[name]);
      const [want, type] = valueIn(value);
      if (type) this.#type(collection, name, type);
      edits[name] = { ...(saw === undefined ? {} : { saw }), ...(want === undefined ? {} : { want }) };
    }
    this.#add({ edit: { id: { collection, key }, fields: edits } });
  }

  delete(collection, key) { this.#add({ delete: { id: { collection, key } } }); }

  /** Keeps a text on this device, with what this step saves; `undefined` removes it. It is never sent. */
  memo(name, text) { this.#memos.set(name, text ?? ''); }

  /** The names of the collections that it adds to. */
  get collections() {
    return new Set(this.#ops.flatMap(({ insert, put }) => insert?.collection ?? put?.id.collection ?? []));
  }

  /** What was asked for; nothing can be added any more. */
  close() {
    this.#closed = true;
    return { ops: this.#ops, types: [...this.#types.values()], memos: [...this.#memos] };
  }

  #add(op) {
    if (this.#closed) throw wrong('This step is saved already: edits belong into the function that write() was given.');
    this.#ops.push(op);
  }

  #fields(collection, fields) {
    return fieldsIn(fields, (name, type) => this.#type(collection, name, type));
  }

  #type(collection, name, type) { this.#types.set(`${collection}.${name}`, [collection, name, type]); }
}
