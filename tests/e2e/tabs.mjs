// Several tabs of one browser profile: one engine, whoever's tab goes.
import { ask, Device } from './lib/api.mjs';
import { becomes, check, end, equal, truthy, until, whenFailed } from './lib/harness.mjs';
import { Relay } from './lib/relay.mjs';
import { onSled } from './lib/server.mjs';
import { Browser, hook, picturesOf } from './lib/screens.mjs';
import * as act from './lib/actions.mjs';

whenFailed(picturesOf);
const server = await (await onSled()).start();
const relay = await new Relay(server.url).start();
const first = new Browser('first', relay.url);
let second;
let third;

/** Whether this tab says that another one does the syncing. */
async function follows(tab) {
  await tab.front();
  await tab.click(hook('pill'));
  await tab.waitFor(hook('pill-details'));
  const follows = await tab.count(hook('status-follower')) > 0;
  await tab.press('Escape');
  return follows;
}

/** Names of the people on the server that begin so. */
async function people(beginning) {
  const { people } = await server.records();
  return Object.values(people).map(person => person.name).filter(name => name.startsWith(beginning)).sort();
}

/** Ends the program of the worker that runs it: a module whose one function traps, as a defect of the engine would. */
function ends() {
  const code = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11];
  setTimeout(new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(code))).exports.f);
}

/** How many multimeters the server counts. */
const inStock = async () => (await server.records()).equipment['"TOOL-2"'].in_stock;

const begun = await check('two tabs show the same; what one saves the other shows, and the server has it', async () => {
  await first.open();
  await act.join(first);
  await act.showCollection(first, 'people');
  await first.pillSays('Synced and verified');
  second = await first.tab('second', first.page.url());
  await second.pillSays('Synced and verified');
  equal([await follows(first), await follows(second)], [false, true], 'who follows');
  for (const tab of [first, second]) await act.findRow(tab, 3);
  await act.editRecord(second, 3, 'email', 'lars@example.com');
  await act.cellSays(first, 3, 'email', 'lars@example.com');
  await act.editRecord(first, 3, 'email', 'l.nygard@example.com');
  await act.cellSays(second, 3, 'email', 'l.nygard@example.com');
  for (const tab of [first, second]) await tab.pillSays('Synced and verified');
  equal((await server.records()).people[3].email, 'l.nygard@example.com', 'the server’s value');
});
if (!begun) await end();

await check('only one of them waits for news', async () => {
  await until('one waiting pull', () => relay.underWay('pull') === 1);
  equal(relay.most('pull'), 1, 'the most pulls at a time');
});

await check('the leading tab is closed before it has answered: what the others asked for is done, and done once', async () => {
  third = await first.tab('third', `${act.workspaceUrl(first)}/c/equipment`);
  await third.waitFor(hook('record-row'));
  const before = await inStock();
  await act.fillNew(second, { name: 'Kept once' });
  await act.fillEdit(third, 'TOOL-2', 'in_stock', String(before + 1));
  // it does what it is asked to, and is gone before anybody hears of it
  await first.inWorker(() => {
    const say = BroadcastChannel.prototype.postMessage;
    BroadcastChannel.prototype.postMessage = function (text) { if (JSON.parse(text).tell === undefined) say.call(this, text); };
  });
  for (const tab of [second, third]) await tab.click(hook('save'));
  await until('both done', async () => (await people('Kept once')).length === 1 && await inStock() === before + 1);
  await becomes(() => second.count(hook('record-form')), 1, 'forms without an answer');
  await first.closeTab();
  await act.saved(second);
  await until('the edit saved', async () => await third.page.locator(hook('save')).isDisabled() && await third.count(`${hook('save')}[aria-busy]`) === 0);
  await becomes(() => third.count(hook('save-failed')), 0, 'failures told');
  for (const tab of [second, third]) await tab.pillSays('Synced and verified');
  equal(await people('Kept once'), ['Kept once'], 'records made');
  equal(await inStock(), before + 1, 'the counter, counted up by one');
  await second.fill(hook('search'), 'Kept once');
  await second.waitFor(`${hook('record-row')}[aria-rowindex="2"]`); // behind the headings
  await until('one row', async () => await second.count(hook('record-row')) === 1);
});

await check('another tab leads then; what is changed elsewhere shows in all of them', async () => {
  equal([await follows(second), await follows(third)].filter(Boolean).length, 1, 'followers');
  await until('one waiting pull', () => relay.underWay('pull') === 1);
  await third.page.goto(`${act.workspaceUrl(third)}/c/people`);
  for (const tab of [second, third]) await act.findRow(tab, 5);
  const record = (await server.records()).people[5];
  const other = await new Device(server.url).signIn();
  await other.patch('people', 5, { email: [record.email, 'sofia@example.com'] });
  for (const tab of [second, third]) await act.cellSays(tab, 5, 'email', 'sofia@example.com');
});

await check('the leading tab is reloaded while another saves, and saves: each record is there exactly once', async () => {
  const [leader, follower] = await follows(second) ? [third, second] : [second, third];
  const wanted = [];
  for (const [round, [reloaded, saves]] of [[leader, follower], [follower, leader]].entries()) {
    await saves.front();
    await saves.fill(hook('search'), '');
    let reload;
    for (let at = 0; at < 8; at += 1) {
      const name = `Loop ${round}-${at}`;
      wanted.push(name);
      if (at === 2) reload = reloaded.page.reload();
      await act.fillNew(saves, { name });
      await saves.click(hook('save'));
      await act.saved(saves);
    }
    await reload;
    await reloaded.pillSays('Synced and verified');
    equal([await follows(reloaded), await follows(saves)], [true, false], 'who follows after the reload');
  }
  for (const tab of [second, third]) await tab.pillSays('Synced and verified');
  equal(await people('Loop'), wanted, 'on the server');
  for (const tab of [second, third]) {
    await tab.fill(hook('search'), 'Loop ');
    await until('as many rows as saves', async () => await tab.count(hook('record-row')) === wanted.length);
  }
});

await check('no tab reported an error of its own', async () => {
  for (const tab of [first, second, third]) equal(await tab.reports(), [], `errors of ${tab.name}`);
  truthy(relay.most('pull') <= 2, 'two waiting pulls at most while one tab takes over');
});
await check('the leading tab’s program is ended: its page and the others go on, and nothing is lost', async () => {
  for (const tab of [second, third]) await tab.page.goto(`${act.workspaceUrl(tab)}/c/people`);
  const [leader, follower] = await follows(second) ? [third, second] : [second, third];
  for (const tab of [leader, follower]) await act.findRow(tab, 7);
  const before = (await server.records()).people[7].email;
  await leader.inWorker(ends);
  await act.editRecord(follower, 7, 'email', 'after@example.com');
  await until('the value', async () => (await server.records()).people[7].email === 'after@example.com');
  truthy(before !== 'after@example.com', 'it was another value before');
  await act.cellSays(leader, 7, 'email', 'after@example.com');
  for (const tab of [leader, follower]) await tab.pillSays('Synced and verified');
  equal([await follows(leader), await follows(follower)], [true, false], 'who follows now');
});

await check('its next program comes when the other tab has long taken over: what the page shows goes on all the same', async () => {
  const [leader, follower] = await follows(second) ? [third, second] : [second, third];
  for (const tab of [leader, follower]) await act.findRow(tab, 8);
  // as on a busy machine: the page gets its next program only when it is let
  await leader.page.evaluate(() => {
    const Real = Worker;
    globalThis.Worker = function Worker(...how) {
      globalThis.Worker = Real;
      const waits = [];
      const held = { postMessage: text => waits.push(text), terminate() {} };
      globalThis.letIn = () => {
        const real = new Real(...how);
        real.onmessage = event => held.onmessage?.(event);
        real.onerror = event => held.onerror?.(event);
        held.postMessage = text => real.postMessage(text);
        held.terminate = () => real.terminate();
        waits.forEach(held.postMessage);
      };
      return held;
    };
  });
  await leader.inWorker(ends);
  await until('its program gone', () => leader.page.evaluate(() => Boolean(globalThis.letIn)));
  await act.editRecord(follower, 8, 'email', 'meanwhile@example.com');
  await until('the value', async () => (await server.records()).people[8].email === 'meanwhile@example.com');
  await until('the other one leading', async () => !await follows(follower));
  await leader.page.evaluate(() => globalThis.letIn());
  await act.cellSays(leader, 8, 'email', 'meanwhile@example.com');
  await act.editRecord(follower, 8, 'email', 'later@example.com');
  await act.cellSays(leader, 8, 'email', 'later@example.com');
  for (const tab of [leader, follower]) await tab.pillSays('Synced and verified');
});

const harbour = () => new Device(server.url).signIn(undefined, 'Harbour office');
const sample = async () => (await new Device(server.url).signIn(undefined, 'Sample workspace')).records();
let other;
await check('each tab has a workspace of its own: all of them are live, also when the leading tab goes', async () => {
  await second.page.goto(`${act.workspaceUrl(second)}/c/people`);
  other = await second.tab('other', relay.url);
  await other.click(hook('new-workspace'));
  await other.fill(hook('workspace-name'), 'Harbour office');
  await other.click(hook('workspace-create'));
  await other.click(`${hook('workspace-item')}[data-name="Harbour office"]`);
  await other.waitFor(hook('no-collections'));
  await act.makeCollection(other, 'Berths', ['Place']);
  await act.addRecord(other, 1, { place: 'A 1' });
  await act.findRow(second, 9);
  await act.editRecord(second, 9, 'email', 'both@example.com');
  for (const tab of [other, second, third]) await tab.pillSays('Synced and verified');
  equal((await sample()).people[9].email, 'both@example.com', 'the value in the one');
  equal((await (await harbour()).records()).berths, { 1: { place: 'A 1' } }, 'the records in the other one');
  await until('two waiting pulls', () => relay.underWay('pull') === 2);
  const [leader] = await follows(second) ? [third] : [second];
  await leader.closeTab();
  const stays = leader === second ? third : second;
  await act.editRecord(other, 1, 'place', 'B 2');
  await (await harbour()).insert('berths', 2, { place: 'C 3' });
  await act.cellSays(other, 2, 'place', 'C 3');
  await act.findRow(stays, 9);
  await act.editRecord(stays, 9, 'email', 'after@example.com');
  for (const tab of [other, stays]) await tab.pillSays('Synced and verified');
  equal([(await (await harbour()).records()).berths[1].place, (await sample()).people[9].email], ['B 2', 'after@example.com'], 'what each saved');
  // the tab that went is opened again, for what follows
  const again = await stays.tab(leader.name, `${act.workspaceUrl(stays)}/c/people`);
  if (leader === second) second = again; else third = again;
  await again.pillSays('Synced and verified');
});

await check('a workspace that cannot be opened says so in its tab, and the others go on', async () => {
  const device = await harbour();
  const { id } = await ask(server.url, 'POST', '/v1/workspaces', device.token, { name: 'Dry dock' });
  // as if a newer version had saved its records here
  await other.page.evaluate(async ([there, id]) => {
    const name = (await indexedDB.databases()).map(({ name }) => name).find(name => name.endsWith(there));
    await new Promise((done, failed) => {
      const request = indexedDB.open(name.replace(there, id), 9_999);
      request.onsuccess = () => { request.result.close(); done(); };
      request.onerror = failed;
    });
  }, [device.workspace, id]);
  const shut = await other.tab('shut', relay.url);
  await shut.click(`${hook('workspace-item')}[data-name="Dry dock"]`);
  await until('why', async () => /newer version/.test(await shut.text('main')));
  await act.editRecord(other, 1, 'place', 'D 4');
  await other.pillSays('Synced and verified');
  equal((await (await harbour()).records()).berths[1].place, 'D 4', 'the server’s value');
  for (const tab of [shut, other]) await tab.closeTab();
});

await check('a tab of a newer version takes over: the pages of the older one say so, and are not left waiting', async () => {
  const newer = await second.tab('newer', `${relay.url}/healthz`);
  await newer.page.evaluate(() => {
    const channel = new BroadcastChannel('mooring');
    channel.postMessage(JSON.stringify({ version: { version: 99 } }));
  });
  for (const tab of [second, third]) {
    await tab.front();
    await tab.waitFor(hook('update-ready'));
    await tab.click(hook('update'));
    await tab.pillSays('Synced and verified');
  }
  // and one that asks for what this version does not know gets words, not silence
  const told = await newer.page.evaluate(() => new Promise(done => {
    const channel = new BroadcastChannel('mooring');
    channel.onmessage = ({ data }) => { const { tell } = JSON.parse(data); if (tell?.to === 'me') done(tell.response.answer.result.Err.message); };
    channel.postMessage(JSON.stringify({ ask: { from: 'me', request: { id: 7, command: { from_the_future: {} } } } }));
  }));
  truthy(told.includes('another version'), told);
  await newer.closeTab();
});

await end();
