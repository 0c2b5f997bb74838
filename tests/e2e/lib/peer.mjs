// Another person at another device, as the server sees one: pushes over HTTP, with the values that it says it saw.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { need } from './harness.mjs';

/** Adds an account to a server's store; before the server is started. */
export function addAccount(server, login, name) {
  execFileSync(need('MOORING_SERVER'), ['user', 'add', login, '--name', name, ...server.store], { input: `${password(login)}\n`, stdio: ['pipe', 'ignore', 'inherit'] });
}

const password = login => `the pass phrase of ${login}`;

async function call(server, method, at, token, body) {
  const answer = await fetch(server.url + at, {
    method, body: body && JSON.stringify(body),
    headers: { 'content-type': 'application/json', 'mooring-protocol': '1', ...(token && { authorization: `Bearer ${token}` }) },
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${at}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

export class Peer {
  /** Signs in and introduces itself; the sample user lets it into the sample workspace. */
  static async join(server, login, device, channel = 'embedded') {
    const peer = new Peer();
    const owner = await call(server, 'POST', '/v1/sign-in/demo', null, {});
    const [workspace] = await call(server, 'GET', '/v1/workspaces', owner.token);
    await call(server, 'PUT', `/v1/workspaces/${workspace.id}/members/${login}`, owner.token, { role: 'editor' });
    const { token, user } = await call(server, 'POST', '/v1/sign-in', null, { name: login, password: password(login) });
    Object.assign(peer, { server, token, user, workspace: workspace.id, replica: randomUUID(), counter: 0 });
    await peer.push({ collection: '_people', key: user.id }, { kind: 'insert', fields: { name: user.name } });
    await peer.push({ collection: '_devices', key: peer.replica }, { kind: 'insert', fields: { user: user.id, name: device, channel } });
    return peer;
  }

  /** One change, made `ago` milliseconds ago. Gives the verdict. */
  async push(record, edit, ago = 0) {
    this.counter += 1;
    const change = { id: `${this.replica}.${this.counter}`, record, at: Date.now() - ago, edit };
    // what the server has seen of the schema is the server's: 0 asks for nothing
    const body = { replica: this.replica, settled: this.counter - 1, schema_seen: 0, changes: [change] };
    const { verdicts } = await call(this.server, 'POST', `/v1/workspaces/${this.workspace}/push`, this.token, body);
    if (verdicts[0].verdict === 'rejected') throw new Error(`refused: ${verdicts[0].message}`);
    return verdicts[0];
  }

  /** `{field: [saw, wants]}`; `undefined` is "no value". */
  edit(collection, key, fields, ago = 0) {
    const deltas = Object.entries(fields).map(([name, [base, incoming]]) => [name, { base, incoming }]);
    return this.push({ collection, key }, { kind: 'patch', fields: Object.fromEntries(deltas) }, ago);
  }

  /** Keeps both versions of the one open conflict of a record; gives the new record's key. */
  async keepBoth(collection, key) {
    const record = { collection, key };
    const { versions, conflicts } = await call(this.server, 'POST', `/v1/workspaces/${this.workspace}/history`, this.token, { record });
    const open = conflicts.find(conflict => !conflict.resolved);
    // the new one has to be in the record's partition: a key is tried until it is
    for (let n = 1; n < 200; n += 1) {
      const resolution = { kind: 'resolve', conflict: open.id, saw_conflict: open.rev, saw_record: versions[0].record.rev, outcome: { kind: 'keep_both', key: `${key}-${n}` } };
      try {
        await this.push(record, resolution);
        return `${key}-${n}`;
      } catch (error) { if (!/cannot be done here/.test(error.message)) throw error; }
    }
    throw new Error('no key is in the record’s partition');
  }

  delete(collection, key, base, ago = 0) { return this.push({ collection, key }, { kind: 'delete', base }, ago); }
}
