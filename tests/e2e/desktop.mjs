// The desktop app at home on the machine: one window for a folder, raised by a second start that hands over links and files; closed, it
// goes on in the bar; its place is remembered, and nobody else reads what it keeps.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { check, end, equal, need, root, scratch, truthy, until, whenFailed } from './lib/harness.mjs';
import { Device } from './lib/api.mjs';
import { onSled } from './lib/server.mjs';
import { Desktop, hook, picturesOf } from './lib/screens.mjs';
import { Keyring, Peer, bus } from './lib/desktop.mjs';
import { xvfb } from './lib/xvfb.mjs';
import * as act from './lib/actions.mjs';

whenFailed(picturesOf);
const server = await (await onSled()).start();
const address = await bus();
// what shows files and folders on this machine: it notes what it is asked for
const opened = path.join(scratch, 'opened');
const bin = path.join(scratch, 'bin');
fs.mkdirSync(bin);
fs.writeFileSync(path.join(bin, 'xdg-open'), `#!/bin/sh\necho "$1" >> ${opened}\n`, { mode: 0o755 });
const desk = new Desktop('home', { more: { DBUS_SESSION_BUS_ADDRESS: address, MOORING_KEY_STORE: '', PATH: `${bin}:${process.env.PATH}` } });
desk.screen = await xvfb();
const peer = await Peer.start(desk.screen.display, address);
const at = async ending => until(`${ending} in the address`, async () => {
  const now = await desk.address();
  if (decodeURI(now).endsWith(ending)) return true;
  throw new Error(now);
}, 15_000);
const windows = count => until(`${count} windows`, async () => {
  const all = await peer.windows();
  if (all.length === count) return all;
  throw new Error(JSON.stringify(all));
}, 15_000);
const inMenu = async label => (await peer.menu()).find(entry => entry.label === label);

await desk.open();
await act.join(desk, server.url);
await act.showCollection(desk, 'people');
await desk.pillSays('Synced and verified');

await check('a second start raises the window that there is, and goes', async () => {
  const { code, said } = await desk.again();
  equal([code, said], [0, ''], 'how it ended');
  await windows(1);
});

await check('it hands over a link to a record, and one to what needs review', async () => {
  equal((await desk.again('mooring://w/sample-workspace/c/people/r/2')).code, 0, 'how it ended');
  await at('/w/sample-workspace/c/people/r/2');
  await desk.waitFor(`${hook('field-input')}[data-field="email"]`);
  equal((await desk.again('mooring://w/sample-workspace/review')).code, 0, 'how it ended');
  await at('/w/sample-workspace/review');
});

await check('a link that leads to no screen says so, and does nothing', async () => {
  await desk.again('mooring://w/../account');
  await until('told', async () => (await desk.text('main')).includes('no such page'));
  await desk.again('mooring://w/sample-workspace/c/people');
  await act.showCollection(desk, 'people');
});

await check('an option that it does not know is told, and opens nothing', async () => {
  const { code, said } = await desk.again('--nosuch');
  equal(code, 2, 'how it ended');
  truthy(said.includes('--nosuch'), said);
});

const table = path.join(scratch, 'boats afloat.csv');
fs.writeFileSync(table, 'name,length\nAlma,12\nBodil,9\n');
await check('a file that it is started with is looked at by the import', async () => {
  await desk.again(table);
  await at('/w/sample-workspace/import');
  await desk.waitFor(hook('import-start'));
  await until('the file is named', async () => (await desk.text('main')).includes('boats afloat.csv'));
});

await check('so are a file of JSON and a workbook', async () => {
  const lines = path.join(scratch, 'crew.json');
  fs.writeFileSync(lines, '[{"name": "Ann", "age": 40}]');
  const workbook = path.join(scratch, 'parts.xlsx');
  fs.copyFileSync(path.join(root, 'workbook/fixtures/parts.xlsx'), workbook);
  for (const file of [lines, workbook]) {
    await act.showCollection(desk, 'people');
    await desk.again(file);
    await at('/w/sample-workspace/import');
    await until('the file is named', async () => (await desk.text('main')).includes(path.basename(file)));
    await desk.waitFor(hook('import-start'));
  }
});

await check('what cannot be imported is told in words', async () => {
  await desk.again(path.join(scratch, 'nothing.csv'));
  await until('told', async () => (await desk.text('body')).includes('cannot be read'));
});

await check('a file that is dropped anywhere goes there, too', async () => {
  await act.showCollection(desk, 'people');
  await desk.script(`const data = new DataTransfer();
    data.items.add(new File(['name\\nCarla\\n'], 'dropped.csv'));
    document.querySelector('main').dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data }));`);
  await at('/w/sample-workspace/import');
  await until('the file is named', async () => (await desk.text('main')).includes('dropped.csv'));
  await act.showCollection(desk, 'people');
});

await check('the icon in the bar says what the pill says, and does what it names', async () => {
  await until('the words of the pill', async () => (await peer.menu())[0].label === await desk.pill());
  await peer.choose('Pause sync');
  await desk.pillSays('Paused');
  await until('the bar has it, too', async () => (await peer.menu())[0].label === 'Paused' && await inMenu('Resume sync'));
  await peer.choose('Resume sync');
  await desk.pillSays('Synced and verified');
  await peer.choose('Sync now');
});

await check('closing it asks while something is not saved', async () => {
  await act.fillEdit(desk, 2, 'email', 'half@');
  await peer.close();
  await desk.waitFor(hook('confirm-dialog'));
  await desk.screenshot('desktop-close-unsaved');
  await desk.click(hook('cancel'));
  await windows(1);
  equal(await desk.script('return document.querySelector(arguments[0]).value', `${hook('field-input')}[data-field="email"]`), 'half@', 'what was written');
});

await check('its place and size are remembered; closed it goes on in the bar, and opens again where the draft is', async () => {
  await peer.place(60, 40, 900, 700);
  await until('it has that size', async () => await desk.script('return innerWidth') === 900);
  await peer.close();
  await desk.waitFor(hook('confirm-dialog'));
  await desk.click(hook('confirm'));
  await windows(0);
  // sync goes on: what a program changes by the engine of the closed window comes to the server
  execFileSync(need('MOORING_CLI'), ['--folder', desk.data, 'patch', 'people', '4', 'email=closed@example.com']);
  await until('the change at the server', async () => (await server.records()).people[4].email === 'closed@example.com');
  await peer.choose('Open Mooring');
  const [window] = await windows(1);
  equal([window.width, window.height], [900, 700], 'its size as soon as it is to be seen');
  await desk.turn();
  await desk.again('mooring://w/sample-workspace/c/people/r/2');
  await until('the draft', async () => await desk.script('return document.querySelector(arguments[0])?.value', `${hook('field-input')}[data-field="email"]`) === 'half@');
  await desk.click(hook('save'));
  // nothing is left to save
  await desk.waitFor(`${hook('save')}:disabled`);
  await desk.pillSays('Synced and verified');
  equal((await server.records()).people[2].email, 'half@', 'the server’s value');
});

await check('with the window closed, a second start opens it, with the link it was started with', async () => {
  await peer.close();
  await windows(0);
  await desk.again('mooring://w/sample-workspace/c/people/r/3');
  await windows(1);
  await desk.turn();
  await at('/w/sample-workspace/c/people/r/3');
  await desk.waitFor(`${hook('field-input')}[data-field="email"]`);
});

await check('where there is no bar, it is told once that it goes on, and a second start opens the window', async () => {
  const before = (await peer.notices()).length;
  const more = async () => (await peer.notices()).slice(before).map(notice => notice.summary);
  await peer.bar(false);
  await peer.close();
  await windows(0);
  await until('it is told', async () => (await more()).length);
  equal(await more(), ['Mooring goes on'], 'what is told');
  await until('it is noted', () => fs.existsSync(path.join(desk.data, 'told-that-it-goes-on')));
  equal((await desk.again()).code, 0, 'how the second start ended');
  await windows(1);
  await desk.turn();
  await peer.bar(true);
  await until('the icon is in the bar again', () => inMenu('Sync now'));
});

await check('nobody else on the machine reads what it keeps', async () => {
  const open = fs.readdirSync(desk.data, { recursive: true }).concat('.').map(name => path.join(desk.data, name))
    .filter(name => fs.existsSync(name)).map(name => [name, fs.statSync(name)])
    .filter(([, about]) => (about.mode & 0o077) !== 0).map(([name, about]) => `${path.relative(desk.data, name)} ${(about.mode & 0o777).toString(8)}`);
  equal(open, [], 'files that others can read');
  truthy(fs.existsSync(path.join(desk.data, 'session.json')), 'the session is among them');
});

const openedNow = () => (fs.existsSync(opened) ? fs.readFileSync(opened, 'utf8').trim().split('\n') : []);
await check('logs, the folder and a report without content are a click away, in the bar and in the window', async () => {
  await peer.choose('Open the logs');
  await until('the logs are shown', () => openedNow().includes(path.join(desk.data, 'logs')));
  truthy(fs.readdirSync(path.join(desk.data, 'logs')).some(name => name.endsWith('.log')), 'a log file');
  await desk.click(hook('user-menu'));
  await desk.click(hook('report'));
  const report = path.join(desk.data, 'mooring-report.txt');
  await until('the report is shown', () => openedNow().includes(report));
  const text = fs.readFileSync(report, 'utf8');
  truthy(/^phase: \w+$/m.test(text) && /^pending: 0$/m.test(text), text);
  for (const word of ['half@', 'closed@example.com', 'people', 'Sample', '127.0.0.1']) truthy(!text.includes(word), `“${word}” is in the report`);
});

await check('it starts at login once a person has chosen so', async () => {
  const entry = path.join(desk.home, '.config/autostart');
  truthy(!fs.existsSync(entry), 'nothing is chosen');
  await peer.choose('Start when I log in');
  // a file is there a moment before its text
  await until('an entry, without a window', () => fs.existsSync(entry) && fs.readdirSync(entry).some(file => fs.readFileSync(path.join(entry, file), 'utf8').includes('--hidden')));
  await desk.click(hook('user-menu'));
  await desk.click(hook('login'));
  await until('no entry', () => fs.readdirSync(entry).length === 0);
});

await check('a notification leads to the review that it is about, also with the window closed', async () => {
  const before = (await peer.notices()).length;
  await peer.close();
  await windows(0);
  const other = await new Device(server.url).signIn();
  await other.patch('people', 1, { email: ['nobody saw this', 'other@example.com'] });
  const notice = await until('a notification', async () => (await peer.notices())[before]);
  equal(notice.summary, 'A change needs review', 'what it says');
  truthy(!notice.body.includes('other@'), 'it has no value');
  equal((await until('the bar counts it', () => inMenu('1 needs review'))).enabled, true, 'it leads there');
  await peer.click(notice.id);
  await windows(1);
  await desk.turn();
  await until('the review', async () => /\/w\/sample-workspace\/review\/./.test(await desk.address()));
  await desk.waitFor(hook('review-incoming'));
});

await check('the desktop knows what it opens', async () => {
  const words = { name: 'Mooring', comment: 'Records', exec: 'mooring', icon: 'mooring', categories: 'Office;' };
  const template = fs.readFileSync(path.join(root, 'src-tauri/linux/mooring.desktop'), 'utf8');
  const entry = path.join(scratch, 'mooring.desktop');
  fs.writeFileSync(entry, template.replace(/\{\{(\w+)\}\}/g, (_, name) => words[name]));
  equal(execFileSync('desktop-file-validate', [entry], { encoding: 'utf8' }), '', 'what is wrong with the entry');
  truthy(template.includes('x-scheme-handler/mooring;') && template.includes('Exec={{exec}} %U'), 'links come as arguments');
});

await check('quitting ends it', async () => {
  equal(await desk.reports(), [], 'errors of the page');
  await peer.choose('Quit');
  await windows(0);
  await until('its socket answers nobody', async () => (await desk.again('--nosuch')).code === 2);
});

await check('started when the person logs in, it is in the bar without a window', async () => {
  const started = desk.again('--hidden');
  await until('the icon', async () => (await inMenu('Open Mooring'))?.enabled);
  equal(await peer.windows(), [], 'windows');
  await peer.choose('Quit');
  equal((await started).code, 0, 'how it ended');
});

const token = () => JSON.parse(fs.readFileSync(path.join(desk.data, 'session.json'), 'utf8')).token;
await check('the sign-in moves to the key store of the system as soon as there is one, which is told; signing out removes it', async () => {
  truthy(token(), 'so far it was in the file');
  const keyring = await Keyring.start(address);
  await desk.open();
  await desk.click(hook('workspace-item'));
  // with the token it hears of the server
  await desk.pillSays('Needs review (1)');
  equal([token(), keyring.entries()], [null, 1], 'in the file, and in the key store');
  await desk.click(hook('user-menu'));
  await desk.click(hook('account-open'));
  await until('told', async () => (await desk.text(hook('sign-in-kept'))).includes('key store'));
  await desk.screenshot('desktop-account');
  await desk.click(hook('user-menu'));
  await desk.click(hook('sign-out'));
  await desk.waitFor(hook('sign-in-demo'));
  equal([token(), keyring.entries()], [null, 0], 'after signing out');
  equal(await desk.reports(), [], 'errors of the page');
  await desk.close();
});
await server.kill('SIGTERM');
await end();
