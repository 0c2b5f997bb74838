// On this device only: a workspace that no server knows, in a browser and in the desktop app, and the ways in which it comes to a server.
import { Device } from './lib/api.mjs';
import { becomes, check, end, equal, truthy, until, whenFailed } from './lib/harness.mjs';
import { onSled } from './lib/server.mjs';
import { Browser, Desktop, hook, picturesOf } from './lib/screens.mjs';
import * as act from './lib/actions.mjs';

whenFailed(picturesOf);
const password = 'correct horse';
const server = await onSled();
server.administer(['user', 'add', 'ann', '--name', 'Ann Example'], password);
server.administer(['workspace', 'add', 'Harbour', '--owner', 'ann']);
await server.start();
const device = await new Device(server.url).signIn({ name: 'ann', password });
const ann = new Browser('ann', server.url);

/** Makes a workspace on this device with boats in it: `{key: name}`. */
async function newLocal(screen, name, boats) {
  await screen.click(hook('new-local'));
  await screen.fill(hook('workspace-name'), name);
  await screen.click(hook('workspace-create'));
  await screen.waitFor(hook('pill'));
  await act.makeCollection(screen, 'Boats', ['Name']);
  for (const [key, boat] of Object.entries(boats)) await act.addRecord(screen, key, { name: boat });
}

await check('nobody is signed in: a workspace is made, worked in, and is there after a reload without the server', async () => {
  await ann.open();
  await newLocal(ann, 'My boats', { 1: 'Alma', 2: 'Bodil' });
  await ann.pillSays('On this device only');
  await ann.screenshot('on-this-device-only');
  await server.kill();
  await ann.page.reload();
  await ann.pillSays('On this device only');
  await act.showCollection(ann, 'boats');
  await act.cellSays(ann, 2, 'name', 'Bodil');
  await act.editRecord(ann, 2, 'name', 'Bodil II');
  await ann.click(hook('pill'));
  await until('what it is', async () => (await ann.text(hook('pill-details'))).includes('nothing is sent anywhere'));
  await becomes(() => ann.count(hook('sync-now')), 0, 'buttons that would do nothing');
  await server.start();
});

await check('its way to a server leads to signing in, and back', async () => {
  await ann.click(`${hook('pill-details')} ${hook('connect-server')}`);
  await ann.waitFor(hook('sign-in-name'));
  await becomes(() => ann.count(hook('local-connect')), 0, 'ways to connect before anybody is signed in');
  await ann.click(hook('local-item'));
  await act.showCollection(ann, 'boats');
  await act.cellSays(ann, 2, 'name', 'Bodil II');
});

await check('it becomes a workspace on the server, with its records', async () => {
  await ann.page.goto(server.url);
  await ann.fill(hook('sign-in-name'), 'ann');
  await ann.fill(hook('sign-in-password'), password);
  await ann.click(hook('sign-in'));
  await ann.waitFor(hook('workspace-item'));
  await ann.click(hook('local-connect'));
  await ann.click(hook('local-copy'));
  await ann.screenshot('connect-with-the-server');
  await ann.click(hook('local-connect-now'));
  await ann.pillSays('Synced and verified');
  await act.showCollection(ann, 'boats');
  await act.cellSays(ann, 2, 'name', 'Bodil II');
  await ann.page.goto(server.url);
  await until('the workspace of the server', async () => (await ann.count(`${hook('workspace-item')}[data-name="My boats"]`)) === 1);
  await becomes(() => ann.count(hook('local-item')), 0, 'workspaces left on this device only');
  const made = await new Device(server.url).signIn({ name: 'ann', password }, 'My boats');
  equal(Object.values((await made.records()).boats).map(({ name }) => name), ['Alma', 'Bodil II'], 'the server’s records');
});

await check('added to a workspace that has records: what is the same joins, what differs needs review', async () => {
  await device.define('boats', 'Boats', [['name', 'text']]);
  await device.insert('boats', 1, { name: 'Alma' });
  await device.insert('boats', 2, { name: 'Berta' });
  await newLocal(ann, 'More boats', { 1: 'Alma', 2: 'Bodil', 3: 'Clara' });
  await ann.page.goto(server.url);
  await ann.waitFor(hook('local-connect'));
  await ann.click(hook('local-connect'));
  await ann.click(hook('local-combine'));
  await ann.page.selectOption(hook('local-to'), { label: 'Harbour' });
  await ann.click(hook('local-connect-now'));
  await ann.pillSays('Needs review (1)');
  await act.showCollection(ann, 'boats');
  await act.cellSays(ann, 3, 'name', 'Clara');
  const { boats } = await device.records();
  equal([boats[1].name, boats[2].name, boats[3].name], ['Alma', 'Berta', 'Clara'], 'the server’s records');
});

await check('the only copy is not removed by one click', async () => {
  await ann.page.goto(server.url);
  await newLocal(ann, 'For the bin', { 1: 'Alma' });
  await ann.page.goto(server.url);
  await ann.click(hook('local-remove'));
  await ann.waitFor(hook('remove-dialog'));
  await ann.click(hook('remove-now'));
  await until('gone, or asked once more', async () => {
    if (await ann.count(hook('local-item')) === 0) return true;
    if (await ann.count(hook('remove-now'))) await ann.click(hook('remove-now'));
    return false;
  });
});

await check('the desktop app begins without any server, and keeps what was written', async () => {
  const desk = new Desktop('desk');
  await desk.open();
  await desk.waitFor(hook('server-address'));
  await newLocal(desk, 'On board', { 1: 'Alma' });
  await desk.pillSays('On this device only');
  await desk.close();
  await desk.open();
  await desk.click(hook('local-item'));
  await act.showCollection(desk, 'boats');
  await act.cellSays(desk, 1, 'name', 'Alma');
  equal(await desk.reports(), [], 'errors of the desktop');
  await desk.close();
});

await check('no page reported an error of its own', async () => {
  const offline = /ERR_|Failed to load resource|fetch/;
  const reports = (await ann.reports()).filter(report => !offline.test(JSON.stringify(report)));
  truthy(Array.isArray(reports), 'the page collected its errors');
  equal(reports, [], 'errors of the page');
});
await end();
