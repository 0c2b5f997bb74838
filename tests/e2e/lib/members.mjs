// People, and devices that are scripts: they sign in and push like any other replica, so that real conflicts come from
// the real judge, as many as wanted.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { need } from './harness.mjs';

export const password = 'correct horse battery';

/** Adds accounts; before the server starts, for the embedded store has one user at a time. */
export function addPeople(server, people) {
  for (const [login, name] of Object.entries(people)) {
    execFileSync(need('MOORING_SERVER'), ['user', 'add', ...server.store, login, '--name', name], { input: `${password}\n`, stdio: ['pipe', 'ignore', 'inherit'] });
  }
}

/** A person signed in over HTTP. */
export class Person {
  static async signIn(server, login) {
    const person = new Person();
    person.url = server.url;
    const { token, user } = await person.call('POST', '/v1/sign-in', { name: login, password });
    return Object.assign(person, { token, user });
  }

  async call(method, at, body) {
    const answer = await fetch(this.url + at, {
      method, body: body && JSON.stringify(body),
      headers: { 'content-type': 'application/json', 'mooring-protocol': '1', ...(this.token && { authorization: `Bearer ${this.token}` }) },
    });
    if (!answer.ok) throw new Error(`${method} ${at}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? undefined : answer.json();
  }

  /** A new workspace with members: `{login: role}`. */
  async workspace(name, members = {}) {
    const made = await this.call('POST', '/v1/workspaces', { name });
    for (const [login, role] of Object.entries(members)) await this.call('PUT', `/v1/workspaces/${made.id}/members/${login}`, { role });
    return made;
  }
}

/** One replica of a person. */
export class Replica {
  constructor(person, workspace, device, channel = 'embedded') {
    Object.assign(this, { person, workspace, id: randomUUID(), counter: 0, waiting: [] });
    this.insert('_people', person.user.id, { name: person.user.name });
    this.insert('_devices', this.id, { user: person.user.id, name: device, channel });
  }

  change(collection, key, edit, at = Date.now()) {
    this.counter += 1;
    this.waiting.push({ id: `${this.id}.${this.counter}`, record: { collection, key }, at, edit });
    return this;
  }

  insert(collection, key, fields, at) { return this.change(collection, key, { kind: 'insert', fields }, at); }

  /** `fields`: per name what was seen and what is wanted. */
  patch(collection, key, fields, at) {
    const deltas = Object.entries(fields).map(([name, [base, incoming]]) => [name, { ...(base !== null && { base }), ...(incoming !== null && { incoming }) }]);
    return this.change(collection, key, { kind: 'patch', fields: Object.fromEntries(deltas) }, at);
  }

  delete(collection, key, base, at) { return this.change(collection, key, { kind: 'delete', base }, at); }

  /** A collection with its fields: `{name: [label, type, policy]}`. */
  define(collection, label, fields) {
    this.insert('_collections', collection, { label });
    Object.entries(fields).forEach(([name, [text, type, policy]], position) => this.insert('_fields', `${collection}.${name}`, { label: text, type, position, ...(policy && { policy }) }));
    return this;
  }

  /** Sends what waits; gives how many of each verdict there were. */
  async push() {
    const counts = {};
    while (this.waiting.length > 0) {
      const changes = this.waiting.splice(0, 500);
      const { verdicts } = await this.person.call('POST', `/v1/workspaces/${this.workspace.id}/push`, { replica: this.id, settled: 0, schema_seen: 0, changes });
      for (const verdict of verdicts) {
        if (verdict.verdict === 'rejected') throw new Error(`refused: ${JSON.stringify(verdict)}`);
        counts[verdict.verdict] = (counts[verdict.verdict] ?? 0) + 1;
      }
    }
    return counts;
  }
}
