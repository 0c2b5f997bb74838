// Triplit on IndexedDB with its own server. Its writes are not strictly durable, and it has no way to ask for that.
import { TriplitClient, Schema as S } from '@triplit/client';

const schema = S.Collections({
  records: { schema: S.Schema({ id: S.Id(), name: S.String(), email: S.String(), phone: S.String(), city: S.String(), status: S.String(), amount: S.Number(), notes: S.String() }) },
});
const all = client => client.query('records');

let client;
export async function open(name) {
  client = new TriplitClient({ schema, storage: { type: 'indexeddb', name }, autoConnect: false, token: window.token, serverUrl: location.origin, logLevel: 'error' });
  await client.ready;
}
export const insert = record => client.insert('records', record);
export const bulk = records => client.transact(async step => { for (const record of records) await step.insert('records', record); });
export async function connect(url) {
  client.updateServerUrl(url);
  await client.connect();
  client.subscribeBackground(all(client), {});
}
export async function pushed() {
  for (;;) {
    // there is no public way to ask whether all that was written is acknowledged
    if (await client.db.entityStore.doubleBuffer.isEmpty(client.db.kv)) return;
    await new Promise(later => setTimeout(later, 10));
  }
}
export const count = async () => (await client.fetch(all(client).Select(['id']), { policy: 'local-only' })).length;
export const page = () => client.fetch(all(client).Order('name', 'ASC').Limit(50), { policy: 'local-only' });
export const update = (id, fields) => client.update('records', id, fields);
export function watch(heard) {
  client.subscribe(client.query('records').Where('id', '=', 'r0000000'), ([found]) => found && heard(found.id, found), undefined, { localOnly: false });
}
