// An owner mirrors a table that other programs write: chooses it, looks at what would happen, begins; then programs (plain CQL
// through an ordinary driver) and people (two browsers) change the same rows, offline too.
import cassandra from 'cassandra-driver';
import { atEnd, becomes, check, end, equal, need, truthy, until, whenFailed } from './lib/harness.mjs';
import { onCassandra } from './lib/server.mjs';
import { Browser, cleanUp, hook } from './lib/screens.mjs';
import { screen } from './lib/looks.mjs';
import * as act from './lib/actions.mjs';

whenFailed(cleanUp);
for (const name of ['MOORING_SERVER', 'MOORING_CHROMIUM', 'MOORING_UI_DIST', 'MOORING_XTASK']) need(name);

const server = await onCassandra();
server.store.push('--mirror-keyspaces', 'shop');
const cql = new cassandra.Client({ contactPoints: [`127.0.0.1:${server.cassandraPort}`], localDataCenter: 'datacenter1' });
atEnd(() => cql.shutdown());
const run = (text, params = []) => cql.execute(text, params, { prepare: true });
await run("CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
await run('CREATE TABLE shop.orders (id int PRIMARY KEY, customer text, total decimal, paid boolean, placed timestamp, internal text)');
await run('CREATE TABLE shop.visits (day date PRIMARY KEY, visitors counter)');
const customers = ['Acme Shipping', 'Baltic Ropes', 'Cape Lines', 'Dock & Sons'];
for (let id = 1; id <= 40; id += 1) {
  await run('INSERT INTO shop.orders (id, customer, total, paid, placed, internal) VALUES (?, ?, ?, ?, ?, ?)',
    [id, `${customers[id % 4]} ${id}`, cassandra.types.BigDecimal.fromString(`${id}.50`), id % 3 === 0, new Date(Date.UTC(2026, 9, 1 + (id % 28), 8, 30)), `x${id}`]);
}
const order = async id => (await run('SELECT * FROM shop.orders WHERE id = ?', [id])).first();
await server.start();

const ann = new Browser('mirror-ann', server.url);
const ben = new Browser('mirror-ben', server.url);
const card = `${hook('mirror')}[data-table="shop.orders"]`;
const field = `${hook('review-field')}[data-field="client"]`;
const standing = words => until(`the mirror says ${words}`, async () => (await ann.page.locator(`${card} ${hook('mirror-standing')}`).textContent()) === words);
const toMirrors = async () => { await ann.click(hook('nav-mirrors')); await ann.waitFor(hook('mirrors')); };
const choose = (id, value) => ann.page.locator(hook(id)).selectOption(value);

const begun = await check('an owner finds no mirror yet, and where one begins', async () => {
  await ann.open();
  await act.join(ann);
  await ann.pillSays('Synced and verified');
  await toMirrors();
  await ann.waitFor(hook('mirrors-empty'));
});
if (!begun) await end();
await screen(ann, 'mirrors-empty', { main: hook('mirror-new') });

await check('a table that cannot be mirrored is refused with the reason', async () => {
  await ann.click(hook('mirror-new'));
  await ann.waitFor(hook('mirror-keyspace'));
  await becomes(() => ann.page.locator(`${hook('mirror-keyspace')} option`).allTextContents(), ['shop'], 'only the keyspaces that were allowed');
  await choose('mirror-table', 'visits');
  await ann.click(hook('mirror-look'));
  await ann.waitFor(hook('mirror-refusal'));
  await until('says what is wrong with it', async () => (await ann.text(hook('mirror-refusal'))).includes('counter'));
});
await screen(ann, 'mirror-refused', { main: hook('mirror-look') });

await check('what would happen is counted before it happens; a column is left out, another one gets a name of its own', async () => {
  await choose('mirror-table', 'orders');
  await ann.click(hook('mirror-look'));
  await ann.waitFor(hook('mirror-plan'));
  await becomes(() => ann.page.locator(`${hook('mirror-plan')} li`).allTextContents(), ['40 rows become records.'], 'the plan');
  const column = name => ann.page.locator(`${hook('column')}[data-column="${name}"]`);
  await column('internal').locator(hook('column-take')).uncheck();
  await until('it is left out', async () => (await column('internal').textContent()).includes('left out'));
  await column('customer').locator(hook('column-field')).fill('client');
  await column('customer').locator(hook('column-field')).press('Tab');
  await until('it has the name', async () => (await column('customer').locator(hook('column-field')).inputValue()) === 'client');
  equal((await run('SELECT COUNT(*) AS n FROM mooring.mirrors')).first().n.toNumber(), 0, 'nothing has happened');
});
await screen(ann, 'mirror-plan', { main: hook('mirror-begin') });

await check('it begins, and is in step', async () => {
  await ann.click(hook('mirror-begin'));
  await ann.waitFor(card);
  await standing('In step');
  await until('counts its rows', async () => (await ann.text(`${card} ${hook('mirror-figures')}`)).startsWith('40 rows.'));
  await act.showCollection(ann, 'orders');
  await act.cellSays(ann, 7, 'client', 'Dock & Sons 7');
  await act.cellSays(ann, 7, 'total', '7.50');
  await becomes(() => ann.text(hook('mirrored')), 'Kept in step with the table shop.orders', 'the collection says so');
});
await screen(ann, 'mirrored-collection', {});

await check('a program’s change is on the device, a person’s change is in the table', async () => {
  await run('UPDATE shop.orders SET customer = ? WHERE id = ?', ['Acme, by a program', 1]);
  await act.cellSays(ann, 1, 'client', 'Acme, by a program');
  await act.editRecord(ann, 2, 'client', 'Baltic, by Ann');
  await until('it is in the table', async () => (await order(2)).customer === 'Baltic, by Ann');
  equal((await order(2)).internal, 'x2', 'what is not mirrored is not touched');
});

await check('both change the same while Ann is offline: she sees both sides, decides, and the table follows', async () => {
  await ann.offline(true);
  await act.editRecord(ann, 3, 'client', 'Cape, by Ann');
  await run('UPDATE shop.orders SET customer = ? WHERE id = ?', ['Cape, by a program', 3]);
  // a second device has seen it before Ann comes back
  await ben.open();
  await act.join(ben);
  await act.showCollection(ben, 'orders');
  await act.cellSays(ben, 3, 'client', 'Cape, by a program');
  await ann.offline(false);
  await ann.pillSays('Needs review (1)');
  await ann.click(hook('nav-review'));
  await ann.click(hook('review-open'));
  await ann.waitFor(field);
  const words = await ann.page.locator('main').innerText();
  for (const word of ['Cape, by Ann', 'Cape, by a program', 'shop.orders']) truthy(words.includes(word), `${word} can be read`);
});
await screen(ann, 'mirror-review', {});
await check('her decision is in the table', async () => {
  await ann.click(`${field} ${hook('pick-incoming')}`);
  await ann.click(hook('resolve'));
  await until('it is in the table', async () => (await order(3)).customer === 'Cape, by Ann');
  await ann.pillSays('Synced and verified');
});

await check('a mirror is paused and goes on; a column that goes stops it, with the reason and the way on', async () => {
  await toMirrors();
  await ann.click(`${card} ${hook('mirror-pause')}`);
  await standing('Paused');
  await run('UPDATE shop.orders SET customer = ? WHERE id = ?', ['while it was paused', 4]);
  await ann.click(`${card} ${hook('mirror-resume')}`);
  await standing('In step');
  await act.showCollection(ann, 'orders');
  await act.cellSays(ann, 4, 'client', 'while it was paused');
  await run('ALTER TABLE shop.orders DROP paid');
  await run('UPDATE shop.orders SET customer = ? WHERE id = ?', ['after it', 5]);
  await toMirrors();
  await standing('Paused');
  await until('names the column', async () => (await ann.text(`${card} ${hook('mirror-reason')}`)).includes('paid'));
});
await screen(ann, 'mirror-paused', { main: `${card} ${hook('mirror-resume')}` });

await check('it is removed; table and records stay', async () => {
  await ann.click(`${card} ${hook('mirror-remove')}`);
  await ann.click(hook('confirm'));
  await ann.waitFor(hook('mirrors-empty'));
  equal((await order(2)).customer, 'Baltic, by Ann', 'the table');
  await act.showCollection(ann, 'orders');
  await act.cellSays(ann, 2, 'client', 'Baltic, by Ann');
  await until('the collection is like any other', async () => (await ann.page.locator(hook('mirrored')).count()) === 0);
});

await end();
