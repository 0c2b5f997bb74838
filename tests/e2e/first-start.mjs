// The desktop app's first start with a wrong address, records that another program has open, a restart offline.
import { spawn } from 'node:child_process';
import http from 'node:http';
import readline from 'node:readline';
import { atEnd, check, end, equal, need, truthy, until, whenFailed } from './lib/harness.mjs';
import { freePort, onSled } from './lib/server.mjs';
import { Desktop, hook, picturesOf } from './lib/screens.mjs';
import * as act from './lib/actions.mjs';

whenFailed(picturesOf);
const server = await (await onSled()).start();
const other = http.createServer((_, response) => response.setHeader('content-type', 'text/html').end('<h1>Printer</h1>'));
await new Promise(done => other.listen(0, '127.0.0.1', done));
atEnd(() => other.close());
const desk = new Desktop('first');

const wrong = [
  ['where nothing listens', `http://127.0.0.1:${await freePort()}`, 'No server answers there: it may be stopped. Check the network and the address'],
  ['of something that is not Mooring', `http://127.0.0.1:${other.address().port}`, 'There is no Mooring server at this address'],
  ['of another kind', 'ftp://127.0.0.1', 'starts with https:// or http://'],
  ['that is none', 'the server in the harbour', '“the server in the harbour” is not the address of a server'],
  ['without a name', 'http://', 'is not the address of a server'],
];
await desk.open();
for (const [what, address, words] of wrong) {
  await check(`an address ${what} is told in words, and stays to be mended`, async () => {
    await desk.fill(hook('server-address'), address);
    await desk.click(hook('connect'));
    await until(`“${words}”`, async () => {
      const told = await desk.text(hook('field-error'));
      if (told.includes(words)) return true;
      throw new Error(`it says “${told}”`);
    });
    equal(await desk.script('return document.querySelector(arguments[0]).value', hook('server-address')), address, 'the address in the form');
  });
}

await check('the right one works as people write it: without http://, or copied from a browser', async () => {
  await act.join(desk, `${server.url.replace('http://', '')}/w/sample-workspace/c/people`);
  await act.showCollection(desk, 'people');
  await desk.pillSays('Synced and verified');
});

await check('records that another program has open: the window says so, and takes over on a click once it has ended', async () => {
  await desk.close();
  const service = spawn(need('MOORING_CLI'), ['--folder', desk.data, 'run'], { stdio: ['ignore', 'ignore', 'pipe'] });
  atEnd(() => service.kill('SIGKILL'));
  await new Promise(done => readline.createInterface({ input: service.stderr }).once('line', done));
  await desk.open();
  await until('told', async () => (await desk.text('main')).includes('open in another tab or program'));
  service.kill('SIGTERM');
  await new Promise(done => service.once('close', done));
  await desk.click(`${hook('load-failed')} button`);
  await desk.click(hook('workspace-item'));
  await act.showCollection(desk, 'people');
  await desk.pillSays('Synced and verified');
  await act.findRow(desk, 1);
  await act.editRecord(desk, 1, 'email', 'john@example.com');
  await desk.pillSays('Synced and verified');
  equal((await server.records()).people[1].email, 'john@example.com', 'the server’s value');
  await desk.close();
});

await check('restarted without a network, everything is there, also what was not sent', async () => {
  await desk.open();
  await desk.click(hook('workspace-item'));
  await act.showCollection(desk, 'people');
  await desk.pillSays('Synced and verified');
  await server.kill();
  await act.findRow(desk, 2);
  await act.editRecord(desk, 2, 'email', 'amina@example.com');
  await desk.pillSays('Offline, 1 change safe on this device');
  await desk.close();
  await desk.open();
  await desk.click(hook('workspace-item'));
  await act.showCollection(desk, 'people');
  await desk.pillSays('Offline, 1 change safe on this device');
  await act.cellSays(desk, 2, 'email', 'amina@example.com');
  await until('12 records', async () => (await desk.text(hook('record-count'))) === '12 records');
  await server.start();
  await desk.pillSays('Synced and verified');
  equal((await server.records()).people[2].email, 'amina@example.com', 'the server’s value');
});

await check('no page reported an error of its own', async () => {
  const reports = await desk.reports();
  truthy(Array.isArray(reports), 'the page collected its errors');
  equal(reports, [], 'errors of the desktop');
});

await check('the page’s program is ended: the window loads it again by itself, where it was', async () => {
  await act.trap(desk);
  await act.loadedAgain(desk);
  await act.cellSays(desk, 2, 'email', 'amina@example.com');
  await desk.pillSays('Synced and verified');
  await desk.close();
});
await end();
