// The server as another program sees it: plain HTTP, sharing no code with Mooring's clients.
import { randomUUID } from 'node:crypto';
import { truthy } from './harness.mjs';

/** One request; its answer as JSON. */
export async function ask(url, method, at, token, body) {
  const answer = await fetch(url + at, {
    method, body: body && JSON.stringify(body),
    headers: { 'content-type': 'application/json', 'mooring-protocol': '1', ...(token && { authorization: `Bearer ${token}` }) },
  });
  if (!answer.ok) throw new Error(`${at}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** Every live record of a workspace: `{collection: {key text: fields}}`. */
export async function recordsOf(url, token, workspace) {
  const all = {};
  let resume;
  do {
    const part = await ask(url, 'POST', `/v1/workspaces/${workspace}/snapshot`, token, { resume });
    for (const page of part.pages) {
      const into = all[page.collection] ??= {};
      for (const record of page.records) into[JSON.stringify(record.key)] = record.fields;
    }
    resume = part.next;
  } while (resume);
  return all;
}

/** One more device of a person: makes changes at once, as if it had been online all the time. */
export class Device {
  constructor(url) { Object.assign(this, { url, replica: randomUUID(), counter: 0 }); }

  /** As the sample user, or with a name and a password; in the workspace of that name, or the first one. */
  async signIn(credentials, workspace) {
    const at = credentials ? '/v1/sign-in' : '/v1/sign-in/demo';
    Object.assign(this, await ask(this.url, 'POST', at, null, credentials ?? {}));
    const all = await ask(this.url, 'GET', '/v1/workspaces', this.token);
    this.workspace = all.find(({ name }) => (workspace ? name === workspace : true))?.id;
    return this;
  }

  /** Writes its name into the workspace, as Mooring's own devices do. */
  introduce(name) { return this.insert('_devices', this.replica, { user: this.user.id, name, channel: 'browser' }); }
  records() { return recordsOf(this.url, this.token, this.workspace); }
  insert(collection, key, fields) { return this.push(collection, key, { kind: 'insert', fields }); }
  remove(collection, key, base) { return this.push(collection, key, { kind: 'delete', base }); }
  /** `fields`: per field, the value seen and the value wanted. */
  patch(collection, key, fields) {
    const deltas = Object.entries(fields).map(([name, [base, incoming]]) => [name, { base, incoming }]);
    return this.push(collection, key, { kind: 'patch', fields: Object.fromEntries(deltas) });
  }

  /** A new collection; `fields`: `[name, type, more of its definition]`. */
  async define(name, label, fields) {
    await this.insert('_collections', name, { label });
    for (const [position, [field, type, more]] of fields.entries()) {
      await this.insert('_fields', `${name}.${field}`, { label: field[0].toUpperCase() + field.slice(1).replaceAll('_', ' '), type, position, ...more });
    }
  }

  async push(collection, key, edit) {
    this.counter += 1;
    const change = { id: `${this.replica}.${this.counter}`, record: { collection, key }, at: Date.now(), edit };
    const push = { replica: this.replica, settled: 0, schema_seen: 0, changes: [change] };
    const { verdicts: [verdict] } = await ask(this.url, 'POST', `/v1/workspaces/${this.workspace}/push`, this.token, push);
    truthy(verdict.verdict !== 'rejected', `a change of ${collection}/${key} was refused: ${JSON.stringify(verdict)}`);
    return verdict;
  }
}
