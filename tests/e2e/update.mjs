// "Reload to update": a new release waits until the person asks for it; the one before works on, also offline.
import { becomes, check, end, equal, truthy, until, whenFailed } from './lib/harness.mjs';
import { firstRelease, nextRelease, partsOf, withoutPart } from './lib/release.mjs';
import { onSled } from './lib/server.mjs';
import { Browser, hook, picturesOf } from './lib/screens.mjs';
import * as act from './lib/actions.mjs';

whenFailed(picturesOf);
const web = firstRelease('web');
const server = await (await onSled(web)).start();
const browser = new Browser('browser', server.url);
let other;

/** The start script names the release that a page runs. */
const release = tab => tab.page.evaluate(() => document.querySelector('script[src*="boot-"]').src);
/** The parts of the program that a page has loaded since it began. */
const parts = tab => tab.page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name.split('/').at(-1)).filter(name => name.startsWith('part-')));
/** Shows a screen that the first load does not carry, and looks which release's it is. */
const laterScreen = async (tab, release) => {
  await act.goTo(tab, '/import');
  await tab.waitFor(hook('import-file'));
  const loaded = await parts(tab);
  truthy(loaded.length > 0 && loaded.every(name => release.includes(name)), `${loaded} are of the release in use`);
  await act.goTo(tab, '/c/people');
};
let before;
const firstParts = partsOf(web);

await check('a first visit loads no part; one that does not come is told, and comes when it is asked for again', async () => {
  const hasty = new Browser('hasty', server.url);
  const putBack = withoutPart(web, 'record');
  const putOver = withoutPart(web, 'over');
  await hasty.open();
  await act.join(hasty);
  await act.showCollection(hasty, 'people');
  equal(await parts(hasty), [], 'parts that came with the grid');
  await act.findRow(hasty, 2);
  await hasty.click(act.toRecord(2));
  await hasty.waitFor(hook('load-failed'));
  await until('it is told in words', async () => (await hasty.text(hook('load-failed'))).includes('This screen could not be loaded. Check the network'));
  putBack();
  await hasty.click(`${hook('load-failed')} button`);
  await hasty.waitFor(hook('record-form'));
  await becomes(() => hasty.count(hook('load-failed')), 0, 'failures');
  // what opens over a screen: until it is there, keys that are meant for it do nothing to what lies behind
  const before = hasty.page.url();
  await hasty.press('Control+k');
  await hasty.type('n');
  await hasty.waitFor(hook('load-failed'));
  await hasty.press('Escape');
  await until('closed', async () => await hasty.count(hook('load-failed')) === 0);
  equal(hasty.page.url(), before, 'the screen behind it');
  putOver();
  await hasty.press('Control+k');
  await hasty.waitFor(hook('palette-input'));
  await until('the focus', async () => hasty.page.evaluate(() => document.activeElement.dataset.test === 'palette-input'));
  await hasty.type('equip');
  await until('written', async () => await hasty.page.inputValue(hook('palette-input')) === 'equip');
  await hasty.close();
});

const begun = await check('a new release is offered, and not taken by itself', async () => {
  await browser.open();
  await browser.installed();
  await act.join(browser);
  await act.showCollection(browser, 'people');
  before = await release(browser);
  other = await browser.tab('other', browser.page.url());
  await other.waitFor(hook('record-row'));
  nextRelease(web);
  for (let round = 0; round < 2; round += 1) {
    await browser.page.reload();
    await browser.waitFor(hook('update-ready'));
    equal(await release(browser), before, 'the release in use');
  }
});
if (!begun) await end();

await check('until then the release before works on, also without a network', async () => {
  await browser.offline(true);
  await browser.page.reload();
  await browser.waitFor(hook('update-ready'));
  equal(await release(browser), before, 'the release in use');
  await act.findRow(browser, 2);
  await act.editRecord(browser, 2, 'email', 'amina@example.com');
  await browser.pillSays('Offline, 1 change safe on this device');
  await laterScreen(browser, firstParts);
});

await check('a click reloads into the new one, also without a network; what is unsent survives and is sent', async () => {
  await browser.click(hook('update'));
  await until('the new release in use', async () => await release(browser) !== before);
  await browser.pillSays('Offline, 1 change safe on this device');
  await act.findRow(browser, 2);
  await act.cellSays(browser, 2, 'email', 'amina@example.com');
  await becomes(() => browser.count(hook('update-ready')), 0, 'offers');
  await laterScreen(browser, partsOf(web));
  truthy(partsOf(web).every(name => !firstParts.includes(name)), 'the new release has other parts');
  await browser.offline(false);
  await browser.pillSays('Synced and verified');
  equal((await server.records()).people[2].email, 'amina@example.com', 'the server’s value');
});

await check('another tab goes on with the release before, and follows on its own click', async () => {
  equal(await release(other), before, 'the release in use');
  await act.findRow(other, 4);
  await act.editRecord(other, 4, 'email', 'mei@example.com');
  await act.findRow(browser, 4);
  await act.cellSays(browser, 4, 'email', 'mei@example.com');
  await other.click(hook('update'));
  await until('the new release in use', async () => await release(other) === await release(browser));
  await other.pillSays('Synced and verified');
});

await check('a page that stays open for hours hears of a new release, too', async () => {
  await browser.closeTab();
  const patient = await other.tab('patient', 'about:blank');
  await patient.page.clock.install();
  await patient.page.goto(other.page.url());
  await patient.pillSays('Synced and verified');
  const now = await release(patient);
  nextRelease(web);
  await patient.page.clock.fastForward('01:00:01');
  await patient.waitFor(hook('update-ready'));
  await patient.click(hook('update'));
  await until('the new release in use', async () => await release(patient) !== now);
  await patient.waitFor(hook('record-row'));
  equal(await patient.reports(), [], 'errors of the patient page');
});

await check('no page reported an error of its own', async () => {
  for (const tab of [browser, other]) equal(await tab.reports(), [], `errors of ${tab.name}`);
  truthy(before, 'there was a first release');
});
await end();
