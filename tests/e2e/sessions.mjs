// What ends from outside: a session that is revoked, storage that the browser clears or another tab holds.
import { Device, ask } from './lib/api.mjs';
import { becomes, check, end, equal, truthy, until, whenFailed } from './lib/harness.mjs';
import { onSled } from './lib/server.mjs';
import { Browser, hook, picturesOf } from './lib/screens.mjs';
import * as act from './lib/actions.mjs';
import { people } from './sessions/people.mjs';

whenFailed(picturesOf);
const password = 'correct horse';
const server = await onSled();
server.administer(['user', 'add', 'ann', '--name', 'Ann Example'], password);
server.administer(['user', 'add', 'bob', '--name', 'Bob Example'], password);
const harbour = server.administer(['workspace', 'add', 'Harbour', '--owner', 'ann']);
server.administer(['workspace', 'add', 'Attic', '--owner', 'bob']);
server.administer(['member', 'set', harbour, 'bob', 'editor']);
await server.start();
const device = await new Device(server.url).signIn({ name: 'ann', password });
await device.define('boats', 'Boats', [['name', 'text'], ['berth', 'text']]);
for (const [key, name] of [[1, 'Alma'], [2, 'Bodil'], [3, 'Clara']]) await device.insert('boats', key, { name });

/** Ends the browser's session at the server, as "sign out everywhere" on another machine would. */
async function revoke(browser) {
  const token = await browser.page.evaluate(() => new Promise((resolve, reject) => {
    const opening = indexedDB.open('mooring');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const reading = opening.result.transaction('texts').objectStore('texts').get('session');
      reading.onsuccess = () => { opening.result.close(); resolve(JSON.parse(reading.result).token); };
    };
  }));
  await ask(server.url, 'POST', '/v1/sign-out', token, {});
}

async function signIn(browser, name, word) {
  await browser.fill(hook('sign-in-name'), name);
  await browser.fill(hook('sign-in-password'), word);
  await browser.click(hook('sign-in'));
}

const ann = new Browser('ann', server.url);
await check('a revoked session: the pill says so, edits go on and survive a reload, signing in again sends everything', async () => {
  await ann.open();
  await signIn(ann, 'ann', 'a wrong guess');
  await until('told', async () => (await ann.text(hook('sign-in-failed'))).includes('The name or the password is wrong'));
  await signIn(ann, 'ann', password);
  await ann.click(hook('workspace-item'));
  await act.showCollection(ann, 'boats');
  await ann.pillSays('Synced and verified');
  await revoke(ann);
  await act.editRecord(ann, 1, 'berth', 'A 1');
  await ann.pillSays('Needs sign-in, 1 change safe on this device');
  await act.editRecord(ann, 2, 'berth', 'A 2');
  await ann.pillSays('Needs sign-in, 2 changes safe on this device');
  await ann.page.reload();
  await ann.pillSays('Needs sign-in, 2 changes safe on this device');
  await act.cellSays(ann, 2, 'berth', 'A 2');
  equal((await device.records()).boats[1].berth, undefined, 'the server’s value before');

  await ann.click(hook('pill'));
  await ann.click(hook('sign-in-again'));
  await becomes(() => ann.page.locator(hook('sign-in-name')).inputValue(), 'ann', 'the name to begin with');
  await signIn(ann, 'ann', 'a wrong guess');
  await until('told', async () => (await ann.text(hook('sign-in-failed'))).includes('The name or the password is wrong'));
  await signIn(ann, 'ann', password);
  await ann.pillSays('Synced and verified');
  await becomes(() => ann.count(hook('sign-in-again-dialog')), 0, 'dialogs left open');
  await act.cellSays(ann, 1, 'berth', 'A 1');
  const { boats } = await device.records();
  equal([boats[1].berth, boats[2].berth], ['A 1', 'A 2'], 'the server’s values');
});

await check('signing out says what is unsent, and where', async () => {
  await ann.installed();
  await ann.offline(true);
  await act.editRecord(ann, 3, 'berth', 'A 3');
  await ann.click(hook('user-menu'));
  await ann.click(hook('sign-out'));
  await ann.waitFor(hook('sign-out-dialog'));
  const asked = await ann.text(hook('sign-out-dialog'));
  truthy(asked.includes('Only on this device: 1 of your changes in “Harbour”.'), asked);
  await ann.press('Escape');
  await ann.page.reload();
  await ann.pillSays('Offline, 1 change safe on this device');
  await ann.click(hook('pill'));
  for (const line of ['status-contact', 'status-verified']) truthy(!(await ann.text(hook(line))).startsWith('not yet'), line);
  await ann.press('Escape');
  await ann.offline(false);
  await ann.pillSays('Synced and verified');
});

const bob = new Browser('bob', server.url);
await check('who is removed from the workspace that is open is told, works on elsewhere, and removes its records', async () => {
  const workspace = name => `${hook('workspace-item')}[data-name="${name}"]`;
  const stores = () => bob.page.evaluate(async () => (await indexedDB.databases()).filter(found => found.name.startsWith('mooring.')).length);
  await bob.open();
  await signIn(bob, 'bob', password);
  await bob.click(workspace('Harbour'));
  await act.showCollection(bob, 'boats');
  await bob.pillSays('Synced and verified');
  await bob.offline(true);
  await act.editRecord(bob, 1, 'berth', 'B 9');
  await ask(server.url, 'PUT', `/v1/workspaces/${harbour}/members/bob`, device.token, { role: null });
  await bob.offline(false);
  // the screen says so, whatever page it is, and so does the next start
  await bob.waitFor(hook('left'));
  await bob.page.reload();
  await bob.waitFor(hook('left'));
  await bob.page.goto(server.url);
  await bob.waitFor(hook('left'));
  await bob.click(workspace('Attic'));
  await bob.pillSays('Synced and verified');
  await bob.page.goto(server.url);
  equal(await stores(), 2, 'workspaces on the device');
  await bob.click(hook('left-remove'));
  await until('asked', async () => (await bob.text(hook('left'))).includes('1 of your changes in “Harbour”'));
  await bob.click(hook('left-remove'));
  await until('gone', async () => await bob.count(hook('left')) === 0);
  await bob.page.reload();
  await bob.waitFor(workspace('Attic'));
  await becomes(() => bob.count(hook('left')), 0, 'what is said of Harbour');
  await bob.close();
});

const demo = new Browser('demo', server.url);
await check('the sample user, who has no password, comes back with the same click', async () => {
  await demo.open();
  await act.join(demo);
  await act.showCollection(demo, 'people');
  await demo.pillSays('Synced and verified');
  await revoke(demo);
  await act.editRecord(demo, 1, 'email', 'john@example.com');
  await demo.pillSays('Needs sign-in, 1 change safe on this device');
  await demo.click(hook('pill'));
  await demo.click(hook('sign-in-again'));
  await demo.click(hook('sign-in-demo'));
  await demo.pillSays('Synced and verified');
  equal((await server.records()).people[1].email, 'john@example.com', 'the server’s value');
});

await check('signing out while another tab holds on to the records: they are gone all the same, and come again', async () => {
  const holding = await demo.tab('holding', `${server.url}/healthz`);
  // deaf to everything, as a frozen tab is
  const rows = () => holding.page.evaluate(async () => {
    const answer = request => new Promise(done => { request.onsuccess = () => done(request.result); });
    const { name } = (await indexedDB.databases()).find(found => found.name.startsWith('mooring.'));
    window.held ??= await answer(indexedDB.open(name));
    const stores = [...window.held.objectStoreNames];
    const counts = await Promise.all(stores.map(store => answer(window.held.transaction(store).objectStore(store).count())));
    return counts.reduce((all, one) => all + one);
  });
  await until('there are records on the device', async () => await rows() > 0);
  await demo.click(hook('user-menu'));
  await demo.click(hook('sign-out'));
  await demo.waitFor(hook('sign-in-demo'));
  await becomes(() => rows(), 0, 'rows left on the device');
  truthy((await demo.address()).endsWith('/'), 'whoever signs in next begins at the beginning');
  await demo.click(hook('sign-in-demo'));
  await demo.click(hook('workspace-item'));
  await act.showCollection(demo, 'people');
  await demo.pillSays('Synced and verified');
  await act.cellSays(demo, 1, 'email', 'john@example.com');
  await holding.closeTab();
});

await check('the browser clears everything while Mooring is open: it says so, keeps the input, and fetches all again', async () => {
  await act.fillEdit(demo, 2, 'email', 'lost@example.com');
  const devtools = await demo.context.newCDPSession(demo.page);
  await devtools.send('Storage.clearDataForOrigin', { origin: server.url, storageTypes: 'all' });
  await demo.click(hook('save'));
  await until('told', async () => (await demo.text(hook('save-failed'))).includes('the browser has deleted it'));
  await becomes(() => demo.page.locator(`${hook('field-input')}[data-field="email"]`).inputValue(), 'lost@example.com', 'the input');
  demo.page.on('dialog', dialog => dialog.accept()); // yes, leave the input
  await demo.page.goto(server.url);
  await act.join(demo);
  await act.showCollection(demo, 'people');
  await demo.pillSays('Synced and verified');
  await act.cellSays(demo, 1, 'email', 'john@example.com');
  equal((await server.records()).people[2].email, 'amina.okafor@example.com', 'what was not saved');
});

await check('records of a newer version: it says so, and touches nothing', async () => {
  const upgraded = () => demo.page.evaluate(() => new Promise((resolve, reject) => {
    indexedDB.databases().then(all => {
      const opening = indexedDB.open(all.find(found => found.name.startsWith('mooring.')).name, 99);
      opening.onupgradeneeded = () => opening.result.createObjectStore('newer');
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => { resolve([...opening.result.objectStoreNames].join()); opening.result.close(); };
    });
  }));
  await act.fillEdit(demo, 2, 'email', 'late@example.com');
  const stores = await upgraded();
  await demo.click(hook('save'));
  await until('told', async () => (await demo.text(hook('save-failed'))).includes('another tab has updated'));
  await demo.page.goto(server.url);
  await demo.click(hook('workspace-item'));
  await until('told', async () => (await demo.text('main')).includes('saved by a newer version of Mooring'));
  await becomes(() => demo.count(hook('user-menu')), 1, 'ways to sign out');
  equal(await upgraded(), stores, 'what is stored');
});

const damaged = new Browser('damaged', server.url);
await check('damaged records: what is unsent can be taken away as a file, and all else comes again', async () => {
  await damaged.open();
  await act.join(damaged);
  await act.showCollection(damaged, 'people');
  await damaged.pillSays('Synced and verified');
  await damaged.installed();
  await damaged.offline(true);
  await act.editRecord(damaged, 1, 'email', 'unsent@example.com');
  await damaged.page.evaluate(() => new Promise((resolve, reject) => {
    indexedDB.databases().then(all => {
      const opening = indexedDB.open(all.find(found => found.name.startsWith('mooring.')).name);
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => {
        const writing = opening.result.transaction('conflicts', 'readwrite');
        writing.objectStore('conflicts').put('no JSON', 'damage');
        writing.oncomplete = () => { opening.result.close(); resolve(); };
      };
    });
  }));
  await damaged.page.reload();
  await until('told', async () => (await damaged.text('main')).includes('cannot be read'));
  await damaged.click(hook('user-menu'));
  await damaged.click(hook('sign-out'));
  await until('asked', async () => (await damaged.text(hook('sign-out-dialog'))).includes('cannot be counted'));
  const saving = damaged.page.waitForEvent('download');
  await damaged.click(hook('sign-out-export'));
  const file = act.read(await (await saving).path());
  equal(file.workspaces.map(one => one.unsent.filter(change => JSON.stringify(change).includes('unsent@example.com')).length), [1], 'changes in the file');
  await damaged.click(hook('sign-out-discard'));
  await damaged.offline(false);
  await damaged.click(hook('sign-in-demo'));
  await damaged.click(hook('workspace-item'));
  await damaged.pillSays('Synced and verified');
  await damaged.close();
});

const ended = new Browser('ended', server.url);
await check('the page’s program is ended: the page loads again by itself, but never again and again, and not with a form open', async () => {
  await ended.open();
  await act.join(ended);
  await act.showCollection(ended, 'people');
  await act.findRow(ended, 2);
  await act.trap(ended);
  await act.loadedAgain(ended);
  await ended.pillSays('Synced and verified');
  await act.trap(ended);
  await ended.click(hook('load-again'));
  await act.loadedAgain(ended);
  await act.fillEdit(ended, 2, 'email', 'typed@example.com');
  await ended.script('sessionStorage.clear()');
  await act.trap(ended);
  await ended.waitFor(hook('load-again'));
  await becomes(() => ended.page.locator(`${hook('field-input')}[data-field="email"]`).inputValue(), 'typed@example.com', 'what was typed');
  await ended.screenshot('stopped');
  await ended.click(hook('load-again'));
  await act.loadedAgain(ended);
  await act.cellSays(ended, 2, 'email', 'amina.okafor@example.com');
  await ended.close();
});

const cyd = await people(server, ann, harbour, { name: 'ann', password });

await check('no page reported an error of its own', async () => {
  for (const screen of [ann, demo, cyd]) equal(await screen.reports(), [], `errors of ${screen.name}`);
  truthy(device.token, 'the other device was signed in');
});
await end();
