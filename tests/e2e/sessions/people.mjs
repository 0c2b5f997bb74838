// People in the app: an owner invites, a newcomer joins by the link, roles change, devices end, workspaces go.
import { Device, ask } from '../lib/api.mjs';
import { becomes, check, equal, truthy, until } from '../lib/harness.mjs';
import { quiet, screen } from '../lib/looks.mjs';
import { Browser, hook } from '../lib/screens.mjs';
import * as act from '../lib/actions.mjs';

const member = name => `${hook('member')}[data-name="${name}"]`;
const workspace = name => `${hook('workspace-item')}[data-name="${name}"]`;

async function openSettings(browser) {
  await browser.click(hook('workspace-switcher'));
  await browser.click(hook('workspace-settings-open'));
  await browser.waitFor(hook('members'));
}

async function openAccount(browser) {
  await browser.click(hook('user-menu'));
  await browser.click(hook('account-open'));
  await browser.waitFor(hook('session'));
}

/** The records of all workspaces that the browser keeps: their number. */
const rows = browser => browser.page.evaluate(async () => {
  const answer = request => new Promise((done, fail) => { request.onsuccess = () => done(request.result); request.onerror = () => fail(request.error); });
  let all = 0;
  for (const { name } of (await indexedDB.databases()).filter(found => found.name.startsWith('mooring.'))) {
    const database = await answer(indexedDB.open(name));
    for (const store of database.objectStoreNames) all += await answer(database.transaction(store).objectStore(store).count());
    database.close();
  }
  return all;
});

/** `ann` is signed in, an owner of Harbour, and has it open. */
export async function people(server, ann, harbour, credentials) {
  const cyd = new Browser('cyd', server.url);
  let link;
  const device = await new Device(server.url).signIn(credentials, 'Harbour');
  const stored = async key => (await device.records()).boats[key]?.berth;

  await check('an owner invites; a newcomer reads what for, makes an account by the link, and works there without a network', async () => {
    await openSettings(ann);
    await ann.click(hook('invite'));
    link = await ann.text(hook('invite-link'));
    truthy(link.startsWith(`${server.url}/join#`), 'a link of this server');
    await until('listed', async () => await ann.count(hook('invitation')) === 1);
    cyd.url = link;
    await cyd.open();
    await until('told', async () => (await cyd.text(hook('join'))).includes('Ann Example invites you to the workspace “Harbour”.'));
    await until('as what', async () => (await cyd.text(hook('join'))).includes('You can read and edit its records.'));
    await cyd.fill(hook('join-login'), 'cyd@example.com');
    await cyd.fill(hook('join-name'), 'Cyd Example');
    await cyd.fill(hook('join-password'), 'short');
    await cyd.click(hook('join-make'));
    await until('refused', async () => (await cyd.text(hook('join-refused'))).includes('8 characters'));
    await becomes(() => cyd.page.locator(hook('join-login')).inputValue(), 'cyd@example.com', 'what was typed stays');
    await cyd.fill(hook('join-password'), 'tide and timetable');
    await cyd.click(hook('join-make'));
    await act.showCollection(cyd, 'boats');
    await cyd.pillSays('Synced and verified');
    truthy(!(await cyd.address()).includes('#'), 'the link has left the address');
    await cyd.installed();
    await cyd.offline(true);
    await act.editRecord(cyd, 1, 'berth', 'C 1');
    await cyd.pillSays('Offline, 1 change safe on this device');
    await cyd.offline(false);
    await cyd.pillSays('Synced and verified');
    equal(await stored(1), 'C 1', 'the server’s value');
    const second = await cyd.tab('second', link);
    await until('over', async () => (await second.text(hook('join-failed'))).includes('does not hold (any more)'));
    await second.closeTab();
  });

  await check('a role that changes while its member is offline: what was edited meanwhile is refused, kept and shown', async () => {
    await cyd.offline(true);
    await act.editRecord(cyd, 2, 'berth', 'C 2');
    await ann.reload();
    await ann.waitFor(member('Cyd Example'));
    await ann.choose(`${member('Cyd Example')} select`, 'Can read');
    await until('changed', async () => (await ask(server.url, 'GET', `/v1/workspaces/${harbour}/members`, device.token)).some(({ name, role }) => name === 'Cyd Example' && role === 'reader'));
    await cyd.offline(false);
    await until('nothing is offered to edit', async () => await cyd.count(hook('new-record')) === 0);
    equal(await stored(2), 'A 2', 'the server’s value');
    const rejected = `${hook('rejected-item')}[data-key="2"]`;
    await act.goTo(cyd, '/review');
    await cyd.waitFor(rejected);
    await ann.choose(`${member('Cyd Example')} select`, 'Can edit');
    await until('changed', async () => (await ask(server.url, 'GET', `/v1/workspaces/${harbour}/members`, device.token)).some(({ name, role }) => name === 'Cyd Example' && role === 'editor'));
    // a role that has come back: the same change can be sent after all
    await act.goTo(cyd, '/review');
    await cyd.click(`${rejected} ${hook('retry')}`);
    await until('sent after all', async () => await stored(2) === 'C 2');
    await cyd.pillSays('Synced and verified');
  });

  await check('the last owner cannot go; offline each form says what it needs and keeps what was typed', async () => {
    await ann.click(hook('workspace-leave'));
    await ann.click(hook('confirm'));
    await until('told', async () => (await ann.text(hook('people-failed'))).includes('this is the last one'));
    await ann.click(hook('cancel'));
    await ann.offline(true);
    await ann.fill(hook('workspace-name'), 'Quay');
    await ann.click(hook('workspace-rename'));
    await until('told', async () => (await ann.text(hook('field-error'))).includes('Check the network'));
    await becomes(() => ann.page.locator(hook('workspace-name')).inputValue(), 'Quay', 'what was typed');
    await ann.offline(false);
    await ann.click(hook('workspace-rename'));
    await until('called so', async () => (await ann.address()).endsWith('/w/quay/settings'));
    await ann.fill(hook('workspace-name'), 'Harbour');
    await ann.click(hook('workspace-rename'));
    await until('called so', async () => (await ann.address()).endsWith('/w/harbour/settings'));
    await quiet(ann);
  });

  await screen(ann, 'workspace-settings', { main: hook('invite') });

  await check('one’s own name, the name of the device, and its devices; the password ends the others', async () => {
    await openAccount(ann);
    await ann.fill(hook('account-name'), 'Ann Smith');
    await ann.click(hook('account-name-save'));
    await ann.fill(hook('device-name'), 'Front desk');
    await ann.click(hook('device-name-save'));
    await until('named', async () => (await ask(server.url, 'GET', '/v1/me/sessions', device.token)).some(one => one.device === 'Front desk'));
    await until('told to all', async () => (await device.records())._people[JSON.stringify(device.user.id)]?.name === 'Ann Smith');
    await until('told to all', async () => Object.values((await device.records())._devices).some(one => one.name === 'Front desk'));
    const other = await new Device(server.url).signIn(credentials, 'Harbour');
    await ann.reload();
    const ends = ann.page.locator(hook('session-end'));
    await until('listed', async () => await ends.count() >= 2);
    await ann.fill(hook('password-current'), 'a wrong guess');
    await ann.fill(hook('password-new'), 'tide and timetable');
    await ann.click(hook('password-change'));
    await until('told', async () => (await ann.text(hook('field-error'))).includes('current password is another one'));
    await becomes(() => ann.page.locator(hook('password-new')).inputValue(), 'tide and timetable', 'what was typed');
    await ann.fill(hook('password-current'), credentials.password);
    await ann.click(hook('password-change'));
    await until('the others have ended', async () => await ann.count(hook('session')) === 1);
    for (const { token } of [device, other]) {
      const refused = await ask(server.url, 'GET', '/v1/me', token).then(() => '', error => error.message);
      truthy(refused.includes('401'), `the session of before: ${refused}`);
    }
    await quiet(ann);
  });

  await screen(ann, 'account', { main: hook('account-name') });

  await check('who is removed in the app is told on every page', async () => {
    await ann.page.goto(server.url);
    await ann.click(workspace('Harbour'));
    await ann.pillSays('Synced and verified');
    await openSettings(ann);
    await ann.click(`${member('Cyd Example')} ${hook('member-remove')}`);
    await ann.click(hook('confirm'));
    await until('gone', async () => await ann.count(member('Cyd Example')) === 0);
    await cyd.waitFor(hook('left'));
  });

  await check('a workspace that is removed from a device leaves nothing there, and comes again', async () => {
    await until('there is something on the device', async () => await rows(ann) > 0);
    await ann.click(hook('workspace-remove'));
    await ann.click(hook('remove-now'));
    await ann.waitFor(workspace('Harbour'));
    await becomes(() => rows(ann), 0, 'rows left on the device');
    await becomes(() => ann.count(hook('remove-here')), 0, 'what could be removed');
    await ann.click(workspace('Harbour'));
    await ann.pillSays('Synced and verified');
    await act.cellSays(ann, 1, 'berth', 'C 1');
    await ann.installed();
    await ann.offline(true);
    await act.editRecord(ann, 3, 'berth', 'A 9');
    await ann.click('.mooring-brand');
    await ann.click(hook('remove-here'));
    await ann.click(hook('remove-now'));
    await until('asked', async () => (await ann.text(hook('remove-dialog'))).includes('1 of your changes in “Harbour”'));
    await becomes(() => ann.count(hook('remove-export')), 1, 'ways to a file');
    await ann.press('Escape');
    await ann.offline(false);
    await ann.click(workspace('Harbour'));
    await ann.pillSays('Synced and verified');
  });

  await check('who has an account joins by a link as well, once they agree', async () => {
    await openSettings(ann);
    await ann.choose(hook('invite-role'), 'Can read');
    await ann.click(hook('invite'));
    link = await ann.text(hook('invite-link'));
    await cyd.go(link);
    await cyd.waitFor(hook('join-accept'));
    await screen(cyd, 'join', { main: hook('join-accept') });
    await cyd.click(hook('join-accept'));
    await act.showCollection(cyd, 'boats');
    await cyd.pillSays('Synced and verified');
  });

  await check('an owner deletes a workspace by its name: it is gone for everybody', async () => {
    await ann.click(hook('workspace-delete'));
    await until('not without the name', () => ann.page.locator(hook('workspace-delete-now')).isDisabled());
    await ann.fill(hook('workspace-delete-name'), 'Harbour');
    await ann.click(hook('workspace-delete-now'));
    await until('gone', async () => await ann.count(hook('new-workspace')) > 0 && await ann.count(workspace('Harbour')) === 0);
    await becomes(() => rows(ann), 0, 'rows left on the device');
    await cyd.waitFor(hook('left'));
    await cyd.click(hook('left-remove'));
    await until('gone', async () => await cyd.count(hook('left')) === 0);
  });
  return cyd;
}
