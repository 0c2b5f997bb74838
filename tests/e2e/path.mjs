// The main job, on real input: offline work in a browser, sync, a second browser and the desktop shell, a merge, a
// conflict decided on the desktop, a server killed in the middle of a push. Once on sled, once on real Cassandra.
import { becomes, check, end, equal, need, until, whenFailed } from './lib/harness.mjs';
import { onCassandra, onSled } from './lib/server.mjs';
import { Browser, Desktop, hook, picturesOf } from './lib/screens.mjs';
import * as act from './lib/actions.mjs';
import * as sources from './lib/sources.mjs';
import { rowsByCql } from './lib/cql.mjs';

whenFailed(picturesOf);
for (const name of ['MOORING_SERVER', 'MOORING_DESKTOP', 'MOORING_CHROMIUM', 'MOORING_UI_DIST', 'MOORING_XTASK']) need(name);
const only = process.env.MOORING_PATH_STORE; // for work on one of them
if (only !== 'cassandra') await path('sled', await onSled());
if (only !== 'sled') await path('cassandra', await onCassandra());
await end();

/** The first number in a sentence of the pill. */
function counted(text) { return Number(text.match(/\d[\d,]*/)[0].replaceAll(',', '')); }

async function path(store, server) {
  const on = text => `${store}: ${text}`;
  await server.start();
  const a = new Browser(`A-${store}`, server.url);
  const b = new Browser(`B-${store}`, server.url);
  const desk = new Desktop(`desktop-${store}`);
  // what the records must be at the end, from the source files and the steps below
  const airports = sources.airports();
  // the first three are deleted
  const movies = Object.fromEntries(Object.values(sources.movies()).slice(3).map((row, at) => [String(at + 1), row]));
  const edited = Object.keys(airports).slice(0, 10);
  let waiting;

  // all else stands on this one
  const begun = await check(on('A signs in with one click, then works offline: collection, imports, edits, deletes'), async () => {
    await a.open();
    await a.installed();
    await act.join(a);
    await a.pillSays('Synced and verified');
    await a.screenshot(`${store}-a-joined`);
    await a.offline(true);
    await act.makeCollection(a, 'Crew', ['Name']);
    for (const file of [sources.airportsFile, sources.moviesFile]) {
      const { longest, refused } = await act.importFile(a, file);
      equal(refused, 0, `refused rows of ${file}`);
      console.log(`      longest task of the page while importing: ${longest} ms`);
    }
    await act.showCollection(a, 'airports');
    await a.screenshot(`${store}-a-airports`);
    if (store === 'sled') await a.screenshot('collection');
    for (const key of edited) {
      const plain = JSON.parse(key);
      await act.findRow(a, plain);
      await act.editRecord(a, plain, 'city', `City of ${plain}`);
      airports[key].city = `City of ${plain}`;
    }
    await act.showCollection(a, 'movies');
    await a.waitFor(hook('record-row'));
    const keys = await a.page.locator(hook('record-row')).evaluateAll(rows => rows.map(row => row.dataset.key));
    await act.deleteRecords(a, keys.slice(0, 3));
    await act.showCollection(a, 'crew');
    await act.addRecord(a, 1, { name: 'John Doe' });
    await act.editRecord(a, 1, 'name', 'Jane Doe');
    // every change is counted: the rows, three collections with their fields, the edits, the deletions, what was done to the crew
    const made = 3376 + 3201 + (1 + 7) + (1 + 16) + (1 + 1) + edited.length + 3 + 2;
    waiting = await a.pillSays(`Offline, ${made.toLocaleString('en')} changes safe on this device`);
  });
  if (!begun) return server.kill();

  await check(on('A is closed and opened again, still offline: everything is there'), async () => {
    await a.close();
    await a.open({ offline: true });
    await a.click(hook('workspace-item'));
    await a.pillSays(waiting);
    await act.showCollection(a, 'crew');
    await act.cellSays(a, 1, 'name', 'Jane Doe');
    for (const [collection, rows] of [['airports', airports], ['movies', movies]]) {
      await act.showCollection(a, collection);
      await until(`all rows of ${collection} counted`, async () => (await a.text(hook('record-count'))).replace(/\D/g, '').startsWith(String(Object.keys(rows).length)));
    }
    await a.screenshot(`${store}-a-offline`);
  });

  await check(on('the server is killed in the middle of the push and restarted: nothing lost, nothing twice'), async () => {
    await a.offline(false);
    const left = count => until(`fewer than ${count} changes left`, async () => {
      const text = await a.pill();
      if (/^(?:Sending|Offline,) \d/.test(text) && counted(text) < count) return true;
      throw new Error(text);
    });
    for (const count of [5000, 2500]) {
      await left(count);
      await server.kill();
      await server.start();
    }
    await a.pillSays('Synced and verified', 120_000);
    const all = await server.records();
    equal(sources.differences(airports, all.airports ?? {}), [], 'airports on the server');
    equal(sources.differences(movies, sources.numbered(all.movies ?? {})), [], 'movies on the server');
    equal(all.crew, { 1: { name: 'Jane Doe' } }, 'crew on the server');
  });

  if (store === 'cassandra') {
    await check(on('the rows read with plain CQL equal the source files, row by row'), async () => {
      const all = await rowsByCql(server.cassandraPort);
      equal(sources.differences(airports, all.airports ?? {}), [], 'airports in Cassandra');
      equal(sources.differences(movies, sources.numbered(all.movies ?? {})), [], 'movies in Cassandra');
      equal(all.crew, { 1: { name: 'Jane Doe' } }, 'crew in Cassandra');
    });
  }

  await check(on('browser B and the desktop shell show the same, with the server’s checksums'), async () => {
    await b.open();
    await act.join(b);
    await desk.open();
    await act.join(desk, server.url);
    for (const screen of [b, desk]) {
      await screen.pillSays('Synced and verified', 120_000);
      for (const [collection, rows] of [['airports', airports], ['movies', movies]]) {
        await act.showCollection(screen, collection);
        await until(`all rows of ${collection} on ${screen.name}`, async () => (await screen.text(hook('record-count'))).replace(/\D/g, '').startsWith(String(Object.keys(rows).length)));
      }
      await act.showCollection(screen, 'crew');
      await act.cellSays(screen, 1, 'name', 'Jane Doe');
      await screen.screenshot(`${store}-${screen === b ? 'b' : 'desktop'}-synced`);
    }
  });

  const [first, second] = edited.map(key => JSON.parse(key));
  await check(on('A and B edit different fields of one record offline: both are kept'), async () => {
    for (const [screen, field, value] of [[a, 'state', 'XA'], [b, 'country', 'B-land']]) {
      await screen.offline(true);
      await act.showCollection(screen, 'airports');
      await act.findRow(screen, first);
      await act.editRecord(screen, first, field, value);
      await screen.pillSays('Offline, 1 change safe on this device');
    }
    for (const screen of [a, b]) await screen.offline(false);
    for (const screen of [a, b]) {
      await act.cellSays(screen, first, 'state', 'XA');
      await act.cellSays(screen, first, 'country', 'B-land');
      await screen.pillSays('Synced and verified');
    }
  });

  await check(on('A and B edit the same field offline: both screens show both sides, nothing is lost'), async () => {
    for (const [screen, value] of [[a, 'Seen by A'], [b, 'Seen by B']]) {
      await screen.offline(true);
      await act.findRow(screen, second);
      await act.editRecord(screen, second, 'city', value);
    }
    await a.offline(false);
    await a.pillSays('Synced and verified');
    await b.offline(false);
    for (const screen of [a, b, desk]) {
      await screen.pillSays('Needs review (1)');
      await screen.click(hook('nav-review'));
      await screen.click(`${hook('review-item')} ${hook('review-open')}`);
      await screen.waitFor(hook('review-incoming'));
      await until('the current side is A’s', async () => (await screen.text(hook('review-current'))).includes('Seen by A'));
      await until('the incoming side is B’s', async () => (await screen.text(hook('review-incoming'))).includes('Seen by B'));
      await screen.screenshot(`${store}-review-${screen.name}`);
      if (store === 'sled' && screen === b) await screen.screenshot('review');
    }
  });

  await check(on('the conflict is accepted on the desktop and closed everywhere'), async () => {
    await desk.click(hook('pick-incoming'));
    await desk.click(hook('resolve'));
    for (const screen of [desk, a, b]) {
      await screen.pillSays('Synced and verified');
      await act.showCollection(screen, 'airports');
      await act.findRow(screen, second);
      await act.cellSays(screen, second, 'city', 'Seen by B');
      await screen.click(hook('nav-review'));
      await becomes(() => screen.count(hook('review-item')), 0, `items to review on ${screen.name}`);
    }
    const all = await server.records();
    equal(all.airports[edited[1]].city, 'Seen by B', 'the server’s value');
  });

  if (store === 'sled') await check(on('the same on a phone, in the dark'), async () => {
    const phone = new Browser('phone', server.url, { width: 390, height: 844 });
    await phone.open({ colorScheme: 'dark' });
    await act.join(phone, undefined, { phone: true });
    await phone.pillSays('Synced and verified');
    await phone.page.goto(`${act.workspaceUrl(phone)}/c/equipment`);
    await phone.waitFor(hook('record-row'));
    await phone.screenshot('phone');
    await phone.close();
  });

  await check(on('no page reported an error of its own'), async () => {
    for (const screen of [a, b, desk]) equal(await screen.reports(), [], `errors of ${screen.name}`);
  });
  for (const screen of [a, b, desk]) await screen.close();
  await server.kill('SIGTERM'); // a graceful stop
}
