// Every screen there is, in light and dark, on a desk and on a phone; pictures in target/screenshots/screens.
import fs from 'node:fs';
import path from 'node:path';
import { Device, ask } from './lib/api.mjs';
import { check, end, equal, scratch, until, whenFailed } from './lib/harness.mjs';
import { quiet, screen, tabsInSight } from './lib/looks.mjs';
import { Relay } from './lib/relay.mjs';
import { onSled } from './lib/server.mjs';
import { Browser, Desktop, hook, picturesOf, shots } from './lib/screens.mjs';
import * as act from './lib/actions.mjs';

whenFailed(picturesOf);
fs.rmSync(path.join(shots, 'screens'), { recursive: true, force: true });
fs.mkdirSync(path.join(shots, 'screens'), { recursive: true });

const password = 'correct horse';
const server = await onSled();
server.administer(['user', 'add', 'ann', '--name', 'Ann Example'], password);
await server.start();
const relay = await new Relay(server.url).start();
const browser = new Browser('screens', relay.url);
const { page } = await browser.open();
const home = `${relay.url}/w/sample-workspace`;
const at = (name, more) => screen(browser, name, more);
/** Goes to an address as a link does: without loading the page anew. */
const go = (address, wait) => async () => {
  await page.evaluate(to => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')); }, address);
  await browser.waitFor(wait);
  await quiet(browser);
};
const collection = name => go(`${home}/c/${name}`, `${hook('collection-item')}[data-name="${name}"][aria-current="page"]`);
const open = (button, wait) => async () => { await browser.click(hook(button)); await browser.waitFor(hook(wait)); };
const row = key => `${hook('record-row')}[data-key="${key}"]`;
const field = name => `${hook('field-input')}[data-field="${name}"]`;

// what others have made
const [one, two] = [await new Device(server.url).signIn(), await new Device(server.url).signIn()];
await one.introduce('Firefox on Windows');
await two.introduce('Safari on iPad');
await one.define('boats', 'Boats', [['name', 'text'], ['berth', 'text']]);
await one.define('visits', 'Visits of the harbour master and the coastguard', [['boat', 'text'], ['count', 'text']]);
await one.insert('visits', 1, { boat: 'Alma', count: '3' });

// --- before a workspace
await at('sign-in', { main: hook('sign-in-demo') });
await at('sign-in-refused', {
  main: hook('sign-in-name'),
  arrange: async () => {
    await browser.fill(hook('sign-in-name'), 'ann');
    await browser.fill(hook('sign-in-password'), 'a wrong guess');
    await browser.click(hook('sign-in'));
    await browser.waitFor(hook('sign-in-failed'));
  },
});
await at('workspaces', { main: hook('workspace-item'), arrange: async () => { await browser.click(hook('sign-in-demo')); await browser.waitFor(hook('workspace-item')); } });
await at('new-workspace', { main: hook('workspace-name'), arrange: open('new-workspace', 'new-workspace-dialog') });
await at('first-sync', {
  arrange: async () => {
    await browser.press('Escape');
    relay.hold('snapshot');
    await browser.click(hook('workspace-item'));
    await browser.pillSays(/^Syncing \d+ %$/);
    await browser.waitFor(hook('first-sync'));
  },
});
await at('first-sync-details', { main: hook('sync-now'), arrange: open('pill', 'pill-details') });
await check('the records come in by themselves', async () => {
  await browser.press('Escape');
  relay.release();
  await browser.waitFor(hook('collection-item'));
  await browser.pillSays('Synced and verified');
});

// --- collections and records
await at('collection-equipment', { arrange: collection('equipment') });
await at('collection', { main: hook('new-record'), arrange: collection('people') });
await check('a long name leaves room for the count', async () => {
  const cut = await page.evaluate(() => [...document.querySelectorAll('.mooring-nav-count')].filter(count => count.getBoundingClientRect().right > document.querySelector('.pf-v6-c-page__sidebar').getBoundingClientRect().right).length);
  equal(cut, 0, 'counts out of sight');
});
await check('on a phone, Tab goes to what one sees', async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.reload();
  await browser.waitFor(row(1));
  await tabsInSight(browser, 12);
});
await at('collection-selected', {
  main: hook('delete-selected'),
  arrange: async () => { for (const key of [2, 4]) await browser.click(`${row(key)} ${hook('select-row')}`); },
});
await at('delete-records', { main: hook('cancel'), arrange: open('delete-selected', 'confirm-dialog') });
await at('nothing-found', {
  arrange: async () => {
    await browser.click(hook('cancel'));
    await browser.fill(hook('search'), 'submarine');
    await browser.waitFor(hook('nothing-found'));
  },
});
await at('collection-empty', { main: hook('new-record'), arrange: async () => { await collection('boats')(); await browser.waitFor(hook('no-records')); } });
await at('collection-not-there', { arrange: go(`${home}/c/submarines`, '.pf-v6-c-empty-state') });
await at('record', { main: hook('field-input'), arrange: go(`${home}/c/people/r/1`, hook('record-form')) });
await at('record-json', { arrange: go(`${home}/c/equipment/r/SAFE-1`, hook('record-form')) });
await at('record-refused-input', {
  main: field('in_stock'),
  arrange: async () => {
    await browser.fill(field('in_stock'), 'a dozen');
    await browser.click(hook('save'));
    await browser.waitFor(hook('field-error'));
  },
});
await at('record-changed-meanwhile', {
  main: hook('save'),
  arrange: async () => {
    await browser.fill(field('in_stock'), '7');
    await browser.fill(field('name'), 'Life jackets, adult size');
    const { equipment } = await one.records();
    await one.patch('equipment', 'SAFE-1', { name: [equipment['"SAFE-1"'].name, 'Life jacket (large)'] });
    await browser.waitFor(hook('changed-meanwhile'));
  },
});
await at('leave-without-saving', { main: hook('cancel'), arrange: open('close-record', 'confirm-dialog') });
await at('record-not-there', {
  main: hook('close-record'),
  arrange: async () => { await browser.click(hook('confirm')); await go(`${home}/c/people/r/999`, hook('record-gone'))(); },
});
await at('new-record', { main: hook('record-key'), arrange: go(`${home}/c/people/new`, hook('record-form')) });
await at('new-collection', { main: hook('collection-label'), arrange: go(`${home}/new-collection`, hook('collection-label')) });
await at('new-collection-filled', {
  main: hook('collection-create'),
  arrange: async () => {
    await browser.fill(hook('collection-label'), 'Moorings');
    await browser.fill(hook('field-label'), 'State');
    await page.locator(hook('field-type')).selectOption('choice');
    await browser.click(hook('another-field'));
    await page.locator(hook('field-label')).nth(1).fill('State');
    await page.locator('.mooring-more summary').first().click();
    await browser.click(hook('collection-create'));
    await browser.waitFor(hook('field-error'));
  },
});
await at('add-field', { main: hook('field-label'), arrange: async () => { await collection('people')(); await open('add-field', 'add-field-dialog')(); } });

// --- menus
await at('workspace-menu', { arrange: async () => { await browser.press('Escape'); await open('workspace-switcher', 'workspace-switch')(); } });
await at('user-menu', { arrange: async () => { await browser.press('Escape'); await open('user-menu', 'sign-out')(); } });
await at('navigation', { only: 390, main: hook('nav-review'), arrange: async () => { await browser.press('Escape'); await open('nav-toggle', 'nav-review')(); } });
await at('update-ready', {
  main: hook('update'),
  arrange: async () => {
    await collection('equipment')();
    await page.evaluate(() => { globalThis.__MOORING_UPDATE__ = () => {}; dispatchEvent(new CustomEvent('mooring-update')); });
    await browser.waitFor(hook('update'));
  },
});
await check('the offer is for this page', async () => { await page.evaluate(() => delete globalThis.__MOORING_UPDATE__); await page.goto(home); await browser.waitFor(hook('collection-item')); });

// --- import
const file = (name, text) => { const at = path.join(scratch, name); fs.writeFileSync(at, text); return at; };
const choose = async (name, text, wait) => {
  await collection('people')();
  await go(`${home}/import`, hook('import-file'))();
  await page.locator(hook('import-file')).setInputFiles(file(name, text));
  await browser.waitFor(hook(wait));
};
const boats = ['code,Name,Length in metres,Built,Insured,Remarks', ...Array.from({ length: 40 }, (_, n) => `B-${n},Boat ${n},${5 + n / 4},${1980 + n}-05-01,${n % 3 ? 'yes' : 'no'},"${n % 7 ? '' : 'Leaks when it rains, and it does.'}"`)];
await at('import', { main: hook('import-file'), arrange: go(`${home}/import`, hook('import-file')) });
await at('import-failed', { main: hook('import-file'), arrange: () => choose('boats.json', '[{"name": "Alma"', 'import-failed') });
await at('import-preview', { main: hook('import-start'), arrange: () => choose('boats.csv', [...boats, 'B-1,Twin,7,1990-01-01,yes,', 'B-99,Short'].join('\n'), 'import-start') });
await at('import-running', {
  main: hook('import-cancel'),
  arrange: async () => {
    const rows = Array.from({ length: 5_000 }, (_, n) => `${n + 1},Cleat ${n}`);
    await choose('cleats.csv', `id,name\n${rows.join('\n')}\n`, 'import-start');
    // the fourth commit lasts until it is told to go on
    await browser.inWorker(() => {
      const commit = IDBTransaction.prototype.commit;
      let commits = 0;
      IDBTransaction.prototype.commit = function () {
        if (this.mode !== 'readwrite' || (commits += 1) < 4) return commit.call(this);
        IDBTransaction.prototype.commit = commit;
        const store = this.objectStore(this.objectStoreNames[0]);
        const wait = () => { if (globalThis.goOn) commit.call(this); else store.count().onsuccess = wait; };
        return wait();
      };
    });
    await browser.click(hook('import-start'));
    await until('some are saved', async () => /^[1-3],000 of/.test(await browser.text(`${hook('progress')} .pf-v6-c-progress__description`)));
  },
});
await at('import-done', { main: hook('import-open'), arrange: async () => { await browser.inWorker(() => { globalThis.goOn = true; }); await browser.waitFor(hook('import-done')); } });
await at('import-done-refused', {
  main: hook('import-open'),
  arrange: async () => {
    await choose('boats.csv', [...boats, 'B-1,Twin,7,1990-01-01,yes,', 'B-99,Short'].join('\n'), 'import-start');
    await browser.click(hook('import-start'));
    await browser.waitFor(hook('import-done'));
  },
});
await at('collection-pages', { arrange: async () => { await collection('cleats')(); await browser.waitFor(hook('record-row')); await browser.pillSays('Synced and verified', 60_000); } });

// --- what needs review
await at('review-empty', { arrange: go(`${home}/review`, hook('review-empty')) });
await at('review', {
  main: hook('review-open'),
  arrange: async () => {
    const { people, equipment } = await one.records();
    const both = async (key, fields) => {
      await one.patch('people', key, Object.fromEntries(Object.entries(fields).map(([name, [a]]) => [name, [people[key][name], a]])));
      await two.patch('people', key, Object.fromEntries(Object.entries(fields).map(([name, [, b]]) => [name, [people[key][name], b]])));
    };
    await both(3, { email: ['lars@example.com', 'l.nygard@example.com'] });
    await both(4, { email: ['mei@example.com', 'office@example.com'], job: ['Skipper', 'Deckhand'], notes: ['Speaks four languages.', 'Away on Fridays, and every second Monday until the end of the season.'] });
    const boat = equipment['"BOAT-2"'];
    await one.remove('equipment', 'BOAT-2', boat);
    await two.patch('equipment', 'BOAT-2', { name: [boat.name, `${boat.name}, repainted`] });
    await until('three of them', async () => await browser.count(hook('review-item')) === 3);
  },
});
await at('review-selected', {
  main: hook('bulk-decide'),
  arrange: async () => { for (const key of [3, 4]) await browser.click(`${hook('review-item')}[data-key="${key}"] ${hook('review-select')}`); },
});
await at('review-bulk', { main: hook('rule-current'), arrange: open('bulk-decide', 'bulk-dialog') });
await at('review-one', {
  main: hook('take-current'),
  arrange: async () => {
    await browser.click(hook('bulk-cancel'));
    await browser.click(`${hook('review-item')}[data-key="4"] ${hook('review-open')}`);
    await browser.waitFor(hook('review-screen'));
  },
});
await at('record-needs-review', { main: hook('to-review'), arrange: go(`${home}/c/people/r/4`, hook('record-needs-review')) });
await at('review-decided', {
  main: hook('decide-again'),
  arrange: async () => {
    await go(`${home}/review`, hook('review-item'))();
    await browser.offline(true);
    await browser.click(`${hook('review-item')}[data-key="3"] ${hook('review-open')}`);
    await browser.click(hook('pick-incoming'));
    await browser.click(hook('resolve'));
    await go(`${home}/review`, `${hook('review-item')}[data-key="3"]`)();
    await browser.click(`${hook('review-item')}[data-key="3"] ${hook('review-open')}`);
    await browser.waitFor(hook('review-pending'));
    await quiet(browser);
  },
});

// --- without a network
await at('offline', {
  main: hook('pill'),
  arrange: async () => {
    await collection('visits')();
    await act.editRecord(browser, 1, 'count', 'three');
    await browser.pillSays('Offline, 2 changes safe on this device');
    await quiet(browser);
  },
});
await at('offline-details', { main: hook('export-unsent'), arrange: open('pill', 'pill-details') });
await at('sign-out', { main: hook('sign-out-keep'), arrange: async () => { await browser.press('Escape'); await browser.click(hook('user-menu')); await open('sign-out', 'sign-out-dialog')(); } });
await at('review-refused', {
  main: hook('retry'),
  arrange: async () => {
    await browser.press('Escape');
    // meanwhile the field was made one of whole numbers: what was written does not fit it any more
    await one.patch('_fields', 'visits.count', { type: ['text', 'integer'] });
    await browser.offline(false);
    await go(`${home}/review`, hook('rejected-item'))();
  },
});
await at('record-refused-change', { main: hook('to-review'), arrange: go(`${home}/c/visits/r/1`, hook('record-rejected')) });
await at('waiting-for-hours', {
  arrange: async () => {
    await browser.offline(true);
    await collection('people')();
    await act.findRow(browser, 7);
    await act.editRecord(browser, 7, 'email', 'priya@example.com');
    await page.clock.install({ time: Date.now() + 2 * 3_600_000 });
    await page.reload();
    await browser.waitFor(row(8));
    // as in a browser that has promised nothing
    await browser.inWorker(() => { StorageManager.prototype.persisted = async () => false; });
    await act.findRow(browser, 8);
    await act.editRecord(browser, 8, 'email', 'jonas@example.com');
    await quiet(browser);
    await browser.waitFor(hook('storage-warning-banner'));
  },
});

// --- a session that ended
await at('needs-sign-in', {
  main: hook('sign-in-again'),
  arrange: async () => {
    const token = await page.evaluate(() => new Promise(resolve => {
      const opening = indexedDB.open('mooring');
      opening.onsuccess = () => {
        const reading = opening.result.transaction('texts').objectStore('texts').get('session');
        reading.onsuccess = () => { opening.result.close(); resolve(JSON.parse(reading.result).token); };
      };
    }));
    await ask(server.url, 'POST', '/v1/sign-out', token, {});
    await browser.offline(false);
    await browser.pillSays('Needs sign-in, 2 changes safe on this device');
    await open('pill', 'pill-details')();
  },
});
await at('sign-in-again', { main: hook('sign-in-demo'), arrange: open('sign-in-again', 'sign-in-again-dialog') });

// --- places that are not there, and another tab
await at('not-found', { arrange: async () => { await browser.click(hook('sign-in-demo')); await browser.pillSays(/^Needs review/); await page.goto(`${relay.url}/no/such/place`); await browser.waitFor('.pf-v6-c-empty-state'); } });
await at('workspace-not-there', { arrange: async () => { await page.goto(`${relay.url}/w/elsewhere`); await browser.waitFor('.pf-v6-c-empty-state'); } });
await at('no-collections', {
  main: '.pf-v6-c-empty-state .pf-m-primary',
  arrange: async () => {
    await page.goto(relay.url);
    await browser.click(hook('new-workspace'));
    await browser.fill(hook('workspace-name'), 'Harbour office');
    await browser.click(hook('workspace-create'));
    await browser.click(`${hook('workspace-item')}[data-name="Harbour office"]`);
    await browser.waitFor(hook('no-collections'));
    await browser.pillSays('Synced and verified');
  },
});

// --- somebody who may only read
const reader = new Browser('reader', relay.url);
await reader.open();
await screen(reader, 'no-workspaces', {
  main: hook('new-workspace'),
  arrange: async () => {
    await reader.fill(hook('sign-in-name'), 'ann');
    await reader.fill(hook('sign-in-password'), password);
    await reader.click(hook('sign-in'));
    await reader.waitFor(hook('new-workspace'));
  },
});
await screen(reader, 'reader-record', {
  main: hook('close-record'),
  arrange: async () => {
    await ask(server.url, 'PUT', `/v1/workspaces/${one.workspace}/members/ann`, one.token, { role: 'reader' });
    await reader.page.goto(relay.url);
    await reader.click(hook('workspace-item'));
    await reader.waitFor(hook('collection-item'));
    await reader.page.goto(`${home}/c/people/r/1`);
    await reader.waitFor(hook('record-form'));
  },
});
await screen(reader, 'reader-import', { arrange: async () => { await reader.page.goto(`${home}/import`); await reader.waitFor('.pf-v6-c-alert'); } });

// --- the desktop shell
const desk = new Desktop('desk');
await check('the desktop shell, in light and dark', async () => {
  await desk.open();
  await desk.waitFor(hook('server-address'));
  await desk.screenshot('screens/desktop-server-light');
  await desk.fill(hook('server-address'), server.url);
  await desk.click(hook('connect'));
  await desk.waitFor(hook('sign-in-demo'));
  await desk.screenshot('screens/desktop-sign-in-light');
  await desk.click(hook('sign-in-demo'));
  await desk.click(`${hook('workspace-item')}[data-name="Sample workspace"]`);
  await desk.pillSays(/^Needs review/);
  for (const [scheme, place] of [['light', 1], ['dark', 2]]) {
    await desk.click(hook('user-menu'));
    await desk.script(`document.querySelectorAll('${hook('theme')}')[${place}].click()`);
    await act.showCollection(desk, 'people');
    await desk.waitFor(row(1));
    await desk.screenshot(`screens/desktop-collection-${scheme}`);
    await desk.click(`${row(1)} ${hook('cell')}[data-field="name"]`);
    await desk.waitFor(hook('record-form'));
    await desk.screenshot(`screens/desktop-record-${scheme}`);
    await desk.click(hook('nav-review'));
    await desk.waitFor(hook('review-item'));
    await desk.screenshot(`screens/desktop-review-${scheme}`);
  }
});
await check('no page reported an error of its own', async () => {
  for (const each of [browser, reader, desk]) equal(await each.reports(), [], `errors of ${each.name}`);
  await desk.close();
});
await end();
