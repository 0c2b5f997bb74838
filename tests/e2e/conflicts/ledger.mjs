// Conservation, by a book of its own: whatever anybody saved on a screen is looked for in what the server gives to anybody
// who asks over HTTP: records, their histories, reviews, and the list of what rules decided. Nothing here knows the rules.
import { truthy } from '../lib/harness.mjs';

export const DELETED = 'delete';

export class Ledger {
  /** `reader`: a person signed in over HTTP. */
  constructor(reader, workspace) { Object.assign(this, { reader, workspace, entries: [] }); }

  /** Somebody saved values of a record, or deleted it. */
  saved(who, key, what) {
    const values = what === DELETED ? { [DELETED]: true } : what;
    for (const [field, value] of Object.entries(values)) this.entries.push({ who, key, field, value: JSON.stringify(value) });
  }

  /** Whether everything that was saved in a record can be read: in it, its history, the one beside it, or its reviews. */
  async account(collection, key) {
    const readable = await this.#readable(collection, key);
    for (const [at, { who, field, value }] of this.entries.entries()) {
      const entry = this.entries[at];
      if (entry.key !== key) continue;
      // who writes a field once more means the new value
      const again = this.entries.slice(at + 1).some(later => later.key === key && later.who === who && later.field === field);
      truthy(again || readable.has(`${field}=${value}`), `conservation: ${who}’s ${field}=${value} of ${key} is nowhere`);
    }
  }

  async #readable(collection, key) {
    const found = new Set();
    const put = (fields = {}) => { for (const [name, value] of Object.entries(fields)) found.add(`${name}=${JSON.stringify(value)}`); };
    const sides = fields => { for (const [name, met] of Object.entries(fields)) for (const value of Object.values(met)) put({ [name]: value }); };
    const beside = (await this.records(collection)).filter(record => record.twin_of === key).map(record => record.key);
    for (const one of [key, ...beside]) {
      for (const { versions, conflicts = [] } of await this.#all('history', { record: { collection, key: one } })) {
        for (const { record } of versions) put(record.deleted ? { [DELETED]: true } : record.fields);
        for (const conflict of conflicts) {
          sides(conflict.fields);
          if (conflict.kind === 'delete_edit') put({ [DELETED]: true });
        }
      }
    }
    const merges = (await this.#all('audit', {})).flatMap(({ entries }) => entries).map(entry => entry.merge);
    for (const merge of merges.filter(each => each?.record.collection === collection && each.record.key === key)) sides(merge.fields);
    return found;
  }

  /** Every record of a collection as the server has it. */
  async records(collection) {
    const pages = (await this.#all('snapshot', {})).flatMap(part => part.pages);
    return pages.filter(page => page.collection === collection).flatMap(page => page.records);
  }

  /** All parts of an answer. */
  async #all(what, body) {
    const parts = [];
    let resume;
    do {
      const part = await this.reader.call('POST', `/v1/workspaces/${this.workspace.id}/${what}`, { ...body, ...(resume && { resume }) });
      parts.push(part);
      resume = part.next;
    } while (resume);
    return parts;
  }
}
