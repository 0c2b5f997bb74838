// The main job in every engine that people browse with: the steps are the same, and written once. Suite `path` does more of it,
// in Chromium alone.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { atEnd, check, end, equal, need, scratch, until, whenFailed } from './lib/harness.mjs';
import { Server, freePort } from './lib/server.mjs';
import { Device } from './lib/api.mjs';
import { Relay } from './lib/relay.mjs';
import { hook, picturesOf } from './lib/screens.mjs';
import { engines } from './lib/engines.mjs';
import * as act from './lib/actions.mjs';
import { field, openReview, says } from './lib/review.mjs';

whenFailed(picturesOf);
for (const name of ['MOORING_SERVER', 'MOORING_UI_DIST', 'MOORING_CHROMIUM', 'MOORING_FIREFOX', 'MOORING_WEBKIT']) need(name);
const away = http.createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<title>Elsewhere</title>'));
await new Promise(done => away.listen(0, '127.0.0.1', done));
atEnd(() => { away.closeAllConnections(); away.close(); });
const elsewhere = `http://127.0.0.1:${away.address().port}/`;
const wanted = process.env.ENGINE?.split(',') ?? Object.keys(engines);
for (const name of wanted) await mainJob(name, engines[name]);
await end();

async function mainJob(name, Engine) {
  const on = text => `${name}: ${text}`;
  const server = await new Server(['--data', path.join(scratch, `server-${name}`)], await freePort()).start();
  const relay = await new Relay(server.url).start();
  const screen = new Engine(name, relay);
  const other = await new Device(server.url).signIn();
  await other.introduce('Office PC');
  let tab;
  const row = key => `${hook('record-row')}[data-key="${key}"]`;
  const input = of => `${hook('record-form')} ${hook('field-input')}[data-field="${of}"]`;
  const focused = () => screen.script('const { key, field, test } = document.activeElement.dataset; return key ?? field ?? test');
  const synced = all => Promise.all(all.map(one => one.pillSays('Synced and verified')));

  const begun = await check(on('signs in with one click, makes a collection; records are added, edited and deleted'), async () => {
    await screen.open();
    await screen.installed();
    await act.join(screen);
    await act.makeCollection(screen, 'Boats', ['Name', 'Berth']);
    await act.addRecord(screen, 1, { name: 'Albatross', berth: 'A 1' });
    await act.addRecord(screen, 2, { name: 'Bittern', berth: 'B 2' });
    await act.editRecord(screen, 1, 'berth', 'C 3');
    await act.deleteRecords(screen, [2]);
    await screen.pillSays('Synced and verified');
    equal((await server.records()).boats, { 1: { berth: 'C 3', name: 'Albatross' } }, 'boats on the server');
  });
  if (!begun) return server.kill();

  await check(on('a file is imported as it is'), async () => {
    const file = path.join(scratch, 'harbours.csv');
    fs.writeFileSync(file, `id,name,depth\n${Array.from({ length: 40 }, (_, at) => `${at + 1},"Harbour ${at + 1}, north",${at}.5`).join('\n')}\n`);
    equal((await act.importFile(screen, file)).refused, 0, 'refused rows');
    await screen.pillSays('Synced and verified');
    const { harbours } = await server.records();
    equal(Object.keys(harbours).length, 40, 'harbours on the server');
    equal(harbours[40].name, 'Harbour 40, north', 'the last one’s name');
  });

  await check(on('without a network: edits are kept, the app starts again, and what was edited is there'), async () => {
    await act.showCollection(screen, 'people');
    await screen.offline(true);
    await act.editRecord(screen, 2, 'email', 'amina@example.com');
    await act.editRecord(screen, 5, 'email', 'Aboard');
    await screen.pillSays('Offline, 2 changes safe on this device');
    await screen.reload();
    await screen.waitFor(hook('record-row'));
    await act.cellSays(screen, 2, 'email', 'amina@example.com');
    await act.addRecord(screen, 90, { name: 'Ada Quay' });
    await screen.pillSays('Offline, 3 changes safe on this device');
  });

  await check(on('with the network again: what another device changed meanwhile needs review, all else is on the server'), async () => {
    await other.patch('people', 5, { email: [(await other.records()).people[5].email, 'Ashore'] });
    await screen.offline(false);
    await screen.pillSays('Needs review (1)');
    const { people } = await server.records();
    equal([people[2].email, people[90].name, people[5].email], ['amina@example.com', 'Ada Quay', 'Ashore'], 'on the server');
  });

  await check(on('a person sees both sides and decides, by keys'), async () => {
    await openReview(screen, 5);
    await says(screen, `${field('email')} ${hook('review-current')}`, 'Ashore');
    await says(screen, `${field('email')} ${hook('review-incoming')}`, 'Aboard');
    await screen.press('2');
    await says(screen, `${hook('preview-value')}[data-field="email"]`, 'Aboard');
    await screen.press('Enter');
    await screen.pillSays('Synced and verified');
    equal((await server.records()).people[5].email, 'Aboard', 'the server’s value');
  });

  await check(on('by keys alone: search, the grid, the form, and back'), async () => {
    await act.showCollection(screen, 'boats');
    await screen.waitFor(row(1));
    await screen.press('/');
    await until('the search', async () => await focused() === 'search');
    await screen.press('Escape');
    await screen.script('document.activeElement.blur()');
    await screen.press('n');
    await until('the first field', async () => await focused() === 'name');
    await screen.type('Cormorant');
    await screen.press('Tab');
    await until('the next field', async () => await focused() === 'berth');
    await screen.type('D 4');
    await screen.press('Enter');
    await says(screen, hook('record-title'), 'Cormorant');
    await screen.press('Escape');
    await until('the grid in focus, with both rows, and no form', async () => await focused() === 'grid' && await screen.count(hook('record-row')) === 2 && await screen.count(hook('record-form')) === 0);
    const cursor = () => screen.script("return document.activeElement.getAttribute('aria-activedescendant')");
    await screen.press('Control+Home');
    await until('the first cell', async () => /-0-0$/.test(await cursor()));
    await screen.press('ArrowDown');
    await until('the cell below', async () => /-1-0$/.test(await cursor()));
    await screen.press('Control+Home');
    await screen.press(' ');
    await until('the form of the first', async () => (await screen.script('return document.querySelector(arguments[0])?.value', input('name'))) === 'Albatross');
    await screen.pillSays('Synced and verified');
  });

  await check(on('a page that was left for another one, and is come back to, works on'), async () => {
    await act.showCollection(screen, 'boats');
    await screen.script('window.kept = true');
    await screen.go(elsewhere);
    await screen.back();
    await until('the page', async () => (await screen.address()).endsWith('/c/boats'));
    await screen.waitFor(row(1));
    console.log(`      ${name} ${await screen.script('return window.kept') ? 'kept the page' : 'loaded the page again'}`);
    await act.editRecord(screen, 1, 'berth', 'G 7');
    await screen.pillSays('Synced and verified');
    equal((await server.records()).boats[1].berth, 'G 7', 'the server’s value');
  });

  await check(on('two tabs show the same; when the first is closed, the second goes on'), async () => {
    tab = await screen.tab(`${name} 2`, `${(await screen.address()).match(/^.*\/w\/[^/]+/)[0]}/c/boats`);
    await tab.waitFor(row(1));
    await act.editRecord(tab, 1, 'berth', 'E 5');
    await screen.front();
    await act.showCollection(screen, 'boats');
    await act.cellSays(screen, 1, 'berth', 'E 5');
    equal(await screen.reports(), [], `what ${name} reported as errors`);
    await screen.closeTab();
    await tab.front();
    await act.editRecord(tab, 1, 'berth', 'F 6');
    await tab.pillSays('Synced and verified');
    equal((await server.records()).boats[1].berth, 'F 6', 'the server’s value');
  });

  await check(on('no page reported an error or a violation of its content policy; one that does is heard'), async () => {
    equal(await tab.reports(), [], `what ${tab.name} reported as errors`);
    await tab.script('console.error("heard"); const style = document.createElement("style"); style.textContent = "p {}"; document.head.append(style);');
    await until('both heard', async () => {
      const reports = await tab.reports();
      return reports.some(text => text.includes('heard')) && reports.some(text => /Content.Security.Policy/.test(text) && /style-src/.test(text));
    });
  });
  await tab.close();
  await server.kill('SIGTERM');
}
