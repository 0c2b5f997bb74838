// Mooring through its npm package, as a program imports it: the engine in a worker, records in IndexedDB, strict.
import { open as openWorkspace, preload } from '/bench/package/src/index.js';

// the engine comes with the page, as the code of the others does
preload();

let workspace, records;
export async function open(store, { token }) {
  workspace = await openWorkspace({ server: location.origin, workspace: 'Bench', token, store, paused: true });
  records = workspace.collection('records');
}
export const insert = ({ id, ...fields }) => records.insert(fields, id);
// as many in one step as a step takes
export async function bulk(all) {
  for (let from = 0; from < all.length; from += 10_000) {
    await workspace.write(step => { for (const { id, ...fields } of all.slice(from, from + 10_000)) step.insert('records', fields, id); });
  }
}
export const connect = () => workspace.resume();
export const pushed = () => new Promise((done, refuse) => {
  const stop = workspace.onStatus(({ pending, rejected }) => {
    if (rejected > 0) refuse(new Error(`the server refused ${rejected} changes`));
    else if (pending === 0) setTimeout(() => { stop(); done(); });
  });
});
export const count = () => records.count();
export const page = async () => (await records.query({ sort: 'name', limit: 50 }).once()).rows.map(({ fields }) => fields);
export const update = (id, fields) => records.edit(id, fields);
export function watch(heard) {
  records.query({ where: { $key: 'r0000000' } }).subscribe(({ rows }) => rows.length > 0 && heard(rows[0].key, rows[0].fields));
}
