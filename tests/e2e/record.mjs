// One record and what was decided about it: its banner, who changed what, its history with restore and undo, automatic
// merges and having them otherwise, the filter of the grid, rules per collection and field, the exported decisions.
import fs from 'node:fs';
import AxeBuilder from '@axe-core/playwright';
import { becomes, check, end, equal, need, truthy, until, whenFailed } from './lib/harness.mjs';
import { onSled } from './lib/server.mjs';
import { Browser, cleanUp, hook } from './lib/screens.mjs';
import { Peer, addAccount } from './lib/peer.mjs';
import * as act from './lib/actions.mjs';
import { openReview } from './lib/review.mjs';
import { ways } from './record/ways.mjs';

whenFailed(cleanUp);
for (const name of ['MOORING_SERVER', 'MOORING_CHROMIUM', 'MOORING_UI_DIST']) need(name);

const HOUR = 3_600_000;
const server = await onSled();
addAccount(server, 'ann', 'Ann Berger');
addAccount(server, 'ben', 'Ben Osei');
await server.start();
const ann = await Peer.join(server, 'ann', 'Deck tablet', 'browser');
const ben = await Peer.join(server, 'ben', 'Office desktop', 'desktop');

const a = new Browser('A', server.url);
await a.open();
const field = name => `[data-field="${name}"]`;
const text = selector => a.text(selector);
const says = (selector, wanted) => until(`"${wanted}" in ${selector}`, async () => {
  const is = await text(selector);
  if (wanted instanceof RegExp ? wanted.test(is) : is === wanted) return true;
  throw new Error(`it says "${is}"`);
});
const home = () => act.workspaceUrl(a);
/** Goes to a screen without loading the page anew. */
const go = async path => {
  await a.page.evaluate(to => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')); }, `${home()}${path}`);
};
const person = (key, tail = '') => go(`/c/people/r/${key}${tail}`);
const theme = async colorScheme => a.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
/** Until nothing moves any more. */
const still = () => a.page.evaluate(async () => {
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const moving = document.getAnimations().filter(each => each.effect.getComputedTiming().iterations !== Infinity);
  await Promise.allSettled(moving.map(each => each.finished));
});

/** Pictures of the screen as it is, light and dark, wide and on a phone; and no barrier on any of them. */
async function look(name, { phone = true } = {}) {
  const sizes = [{ width: 1440, height: 900 }, ...(phone ? [{ width: 390, height: 844 }] : [])];
  for (const size of sizes) {
    await a.page.setViewportSize(size);
    for (const colours of ['light', 'dark']) {
      await theme(colours);
      await still();
      await a.screenshot(`record/${name}-${size.width}-${colours}`);
      const { violations } = await new AxeBuilder({ page: a.page }).analyze();
      equal(violations.map(v => `${v.id}: ${v.nodes.map(n => n.target.join(' ')).slice(0, 3).join(', ')}`), [], `barriers on ${name} at ${size.width}, ${colours}`);
    }
  }
  await a.page.setViewportSize(sizes[0]);
  await theme('light');
}
fs.mkdirSync('target/screenshots/record', { recursive: true });

const begun = await check('signed in, nothing merged so far: the list says so', async () => {
  await act.join(a);
  await a.pillSays('Synced and verified');
  await a.click(hook('nav-merges'));
  await a.waitFor(hook('merges-empty'));
  await look('merges-empty');
});
if (!begun) { await server.kill(); await end(); }

await check('rules per collection and per field: only those that fit, the one in force is said', async () => {
  await act.showCollection(a, 'people');
  await a.click(hook('collection-settings'));
  await a.waitFor(hook('settings'));
  const options = async selector => a.page.locator(`${selector} option`).evaluateAll(all => all.map(o => o.value));
  await becomes(() => options(`${hook('policy-field')}${field('skills')}`), ['', 'ask', 'last', 'first', 'set'], 'rules for tags');
  await becomes(() => options(`${hook('policy-field')}${field('name')}`), ['', 'ask', 'last', 'first', 'text'], 'rules for a text');
  await becomes(() => options(hook('policy-collection')), ['', 'ask', 'last', 'first', 'counter', 'set', 'text'], 'rules for a collection with these fields');
  await says(`${hook('policy-field')}${field('email')} option`, 'As usual: a person decides');
  await a.page.locator(`${hook('policy-field')}${field('days_left')}`).selectOption('last');
  await a.waitFor(hook('toast'));
  await a.pillSays('Synced and verified');
  await look('settings');
  await a.page.locator(hook('policy-collection')).selectOption('first');
  await says(`${hook('policy-field')}${field('email')} option`, 'As the collection says: the first edit counts');
  await a.page.locator(hook('policy-collection')).selectOption('');
  await says(`${hook('policy-field')}${field('email')} option`, 'As usual: a person decides');
  await a.pillSays('Synced and verified');
});

await check('who changed a field, when and from where, is there on demand, with the rule in force', async () => {
  await ann.edit('people', 1, { email: ['john.doe@example.com', 'john@boats.example'], days_left: [12, 11] }, 30 * HOUR);
  await ben.edit('people', 1, { job: ['Skipper', 'Engineer'] }, 26 * HOUR);
  await person(1);
  const note = `${hook('field-note')}${field('email')}`;
  await says(note, /Ann Berger, 30 hours ago/);
  await a.page.locator(`${hook('field-input')}${field('email')}`).focus();
  await until('it shows while one is at the field', () => a.page.locator(note).isVisible());
  await a.click(note);
  const details = hook('field-note-details');
  await says(details, /Set by Ann Berger on Deck tablet, in a browser/);
  await says(details, /As usual: a person decides/);
  await look('field-note');
  await a.click(note);
  await a.page.locator(`${hook('field-input')}${field('days_left')}`).focus();
  await a.click(`${hook('field-note')}${field('days_left')}`);
  await says(details, /As this field says: the last edit counts/);
  await a.click(`${hook('field-note')}${field('days_left')}`);
});

await check('what a rule decided is listed with both sides, and the other value can be used instead', async () => {
  // both saw 11 and the notes as they were
  await ann.edit('people', 1, { days_left: [11, 9] }, 3 * HOUR);
  await ben.edit('people', 1, { days_left: [11, 7], skills: [['first aid', 'radio'], ['navigation', 'radio']] }, 2 * HOUR);
  await ann.edit('people', 1, { skills: [['first aid', 'radio'], ['diesel', 'first aid', 'radio']] }, HOUR);
  await ann.edit('people', 1, { notes: ['Prefers the early tide.\nKeeps the spare key of boat 2.', 'Prefers the early tide.\nKeeps the spare key of boat 3.'] }, HOUR / 2);
  await ben.edit('people', 1, { notes: ['Prefers the early tide.\nKeeps the spare key of boat 2.', 'Prefers the late tide.\nKeeps the spare key of boat 2.'] }, HOUR / 3);
  await a.click(hook('nav-merges'));
  await until('three merges', async () => await a.count(hook('merge-item')) === 3);
  await says(hook('merges-count'), '3 merges on this device');
  await look('merges');
  const days = a.page.locator(`${hook('met')}${field('days_left')}`);
  await becomes(() => days.locator(hook('met-rule')).textContent(), 'The last edit counted', 'the rule in words');
  await becomes(() => days.locator(`${hook('met-current')}, ${hook('met-incoming')}, ${hook('met-result')}`).allTextContents(), ['9', '7', '7'], 'both sides and the result');
  await days.locator(hook('use-current')).click();
  await until('Ann’s value', async () => (await days.locator(hook('met-now')).textContent()) === 'The record has 9 now.');
  await a.pillSays('Synced and verified');
  equal((await server.records()).people['1'].days_left, 9, 'the value on the server');
  await days.locator(hook('use-incoming')).click();
  await until('the result again', async () => await days.locator(hook('met-now')).count() === 0);
});

await check('the history: newest first, before and after, who, where, when; merges with both sides', async () => {
  await person(1);
  await a.click(hook('tab-history'));
  await a.waitFor(hook('version'));
  await until('all versions', async () => await a.count(hook('version')) === 10);
  const versions = a.page.locator(hook('version'));
  await until('the first one', async () => (await versions.last().locator(hook('version-what')).textContent()) === 'Added');
  const email = versions.filter({ has: a.page.locator(`${hook('change')}${field('email')} ${hook('change-before')}`) });
  await becomes(() => email.count(), 1, 'one version changed the e-mail address');
  await until('by whom and from where', async () => (await email.textContent()).includes('Ann Berger') && (await email.textContent()).includes('Deck tablet'));
  await until('before', async () => (await email.locator(hook('change-before')).first().textContent()).includes('john.doe@example.com'));
  await until('after', async () => (await email.locator(hook('change-after')).first().textContent()).includes('john@boats.example'));
  await becomes(() => a.count(`${hook('version')} ${hook('merge')}`), 3, 'versions that a rule made');
  await look('history');
});

await check('a version is restored after a look at what changes, and that is undone', async () => {
  const version = a.page.locator(hook('version')).last();
  await version.locator(hook('restore')).click();
  await a.waitFor(hook('restore-preview'));
  const preview = a.page.locator(`${hook('restore-preview')} ${hook('change')}${field('email')}`);
  await until('now and then', async () => (await preview.textContent()).includes('john@boats.example') && (await preview.textContent()).includes('john.doe@example.com'));
  await look('restore');
  await a.click(hook('confirm'));
  await a.waitFor(hook('restored'));
  await a.pillSays('Synced and verified');
  const restored = await server.records();
  equal([restored.people['1'].email, restored.people['1'].job, restored.people['1'].days_left], ['john.doe@example.com', 'Skipper', 12], 'as it was added');
  await a.click(hook('restore-undo'));
  await until('the notice gone', async () => await a.count(hook('restored')) === 0);
  await a.pillSays('Synced and verified');
  const undone = await server.records();
  equal([undone.people['1'].email, undone.people['1'].job, undone.people['1'].days_left], ['john@boats.example', 'Engineer', 7], 'as it was before');
});

await check('closed while it is being saved: the question goes, for nothing is unsaved any more', async () => {
  await person(3);
  await a.fill(`${hook('field-input')}${field('days_left')}`, '17');
  // both before the answer is there
  await a.page.evaluate(([save, close]) => { document.querySelector(save).click(); document.querySelector(close).click(); }, [hook('save'), hook('close-record')]);
  await until('saved', async () => (await server.records()).people['3'].days_left === 17);
  await until('nothing asked', async () => await a.count(hook('confirm-dialog')) === 0);
  await a.click(hook('close-record'));
  await until('closed', async () => await a.count(hook('record-panel')) === 0);
});

await check('a record that needs review shows the other side, and stays editable', async () => {
  await ann.edit('people', 4, { days_left: [15, 20], email: ['mei.tanaka@example.com', 'mei@boats.example'] }, 2 * HOUR);
  await ben.edit('people', 4, { email: ['mei.tanaka@example.com', 'tanaka@harbour.example'] }, HOUR);
  await person(4);
  await a.waitFor(hook('record-needs-review'));
  await says(`${hook('field-review')}${field('email')} ${hook('met-incoming')}`, /harbour/);
  const sides = await text(`${hook('field-review')}${field('email')}`);
  truthy(['Ben Osei', 'Office desktop', 'desktop app', '1 hour ago', 'Ann Berger', '2 hours ago'].every(part => sides.includes(part)), `who, where, when: ${sides}`);
  await look('banner');
  await a.fill(`${hook('field-input')}${field('days_left')}`, '21');
  await a.click(hook('save'));
  await until('saved', async () => (await server.records()).people['4'].days_left === 21);
});

await check('the filter shows exactly what needs review, also what is gone, and agrees with the badge', async () => {
  await ann.delete('people', 2, (await server.records()).people['2'], 2 * HOUR);
  await ben.edit('people', 2, { days_left: [8, 6] }, HOUR);
  await a.pillSays('Needs review (2)');
  await act.showCollection(a, 'people');
  await says(hook('filter-count'), '2');
  await a.click(hook('filter-review'));
  await until('two rows', async () => await a.count(hook('record-row')) === 2);
  await becomes(() => a.page.locator(hook('record-row')).evaluateAll(rows => rows.map(r => [r.dataset.key, r.dataset.gone ?? ''])), [['2', 'true'], ['4', '']], 'which');
  await becomes(() => a.count(`${hook('record-row')} ${hook('mark-review')}`), 2, 'marks');
  await says(hook('record-count'), /^2 of /);
  await look('filter');
  await a.click(`${hook('record-row')}[data-key="2"] a`);
  await a.waitFor(hook('record-gone'));
  await says(`${hook('other-side')} ${field('days_left')} dd`, '6');
  await look('gone');
});

await check('what was settled stays readable: the side that gave way, who decided', async () => {
  await a.click(hook('to-review'));
  await openReview(a, 4);
  await a.press('2');
  await a.press('Enter');
  await openReview(a, 2);
  await a.press('1');
  await a.press('Enter');
  await a.pillSays('Synced and verified');
  await act.showCollection(a, 'people');
  await becomes(() => a.count(hook('filter-review')), 0, 'no filter where nothing needs review');
  await person(4, '/history');
  await a.waitFor(hook('reviewed'));
  const review = a.page.locator(hook('reviewed')).first();
  await until('the value that gave way', async () => (await review.locator('.mooring-gave-way').textContent()).includes('mei@boats.example'));
  await until('by whom it was', async () => (await review.textContent()).includes('Ann Berger'));
  await look('history-reviewed');
  await person(2, '/history');
  await a.waitFor(hook('version'));
  await a.page.locator(hook('restore')).first().click();
  await a.click(hook('confirm'));
  await a.waitFor(hook('restored'));
  await a.pillSays('Synced and verified');
  equal((await server.records()).people['2'].name, 'Amina Okafor', 'a deleted record is added again');
});

await check('a record and the one that was made beside it lead to each other', async () => {
  await ann.edit('people', 7, { email: ['priya.nair@example.com', 'priya@boats.example'] }, 2 * HOUR);
  await ben.edit('people', 7, { email: ['priya.nair@example.com', 'nair@harbour.example'] }, HOUR);
  const beside = await ben.keepBoth('people', 7);
  await a.pillSays('Synced and verified');
  await person(7);
  await a.waitFor(hook('twins'));
  await a.click(`${hook('twins')} ${hook('twin')}`);
  await says(hook('twin-of'), `Both of two versions were kept. The other one: 7`);
  await becomes(() => a.page.locator(`${hook('field-input')}${field('email')}`).inputValue(), 'nair@harbour.example', `the other version in ${beside}`);
  await look('twin');
  await a.click(`${hook('twin-of')} ${hook('twin')}`);
  await a.waitFor(hook('twins'));
});

await check('older versions are loaded on demand, and what changed between the parts is known', async () => {
  for (let n = 1; n <= 55; n += 1) await ann.edit('people', 6, { days_left: [n === 1 ? 11 : n - 1, n] }, (60 - n) * 60_000);
  await a.pillSays('Synced and verified');
  await person(6, '/history');
  await until('the newest part', async () => await a.count(hook('version')) === 50);
  await a.click(hook('history-older'));
  await until('all of it', async () => await a.count(hook('version')) === 56);
  await becomes(() => a.count(hook('history-older')), 0, 'there is nothing older');
  const across = a.page.locator(hook('version')).nth(49);
  equal([await across.locator(`${hook('change-before')} .mooring-text`).textContent(), await across.locator(`${hook('change-after')} .mooring-text`).textContent()], ['5', '6'], 'the change across the parts');
  await becomes(() => a.page.locator(hook('version')).last().locator(hook('version-what')).textContent(), 'Added', 'the first one');
});

await check('unsent edits stand on top; without a network it says what is on this device', async () => {
  await person(4, '/history');
  await a.waitFor(hook('version'));
  await a.offline(true);
  await a.click(hook('tab-record'));
  await a.page.locator(`${hook('field-input')}${field('job')}`).selectOption('Skipper');
  await a.click(hook('save'));
  await a.pillSays('Offline, 1 change safe on this device');
  await a.click(hook('tab-history'));
  await says(`${hook('unsent-change')} ${hook('change-after')}`, /Skipper/);
  await a.waitFor(hook('history-offline'));
  await a.waitFor(hook('history-local'));
  await look('history-offline');
  await go('/merges');
  await a.waitFor(hook('export-offline'));
  await until('no export without a network', () => a.page.locator(hook('export-csv')).isDisabled());
  await look('merges-offline');
  await person(4, '/history');
  await a.offline(false);
  await a.waitFor(hook('version'));
  await until('nothing unsent', async () => await a.count(hook('unsent-change')) === 0);
});

await check('every decision is exported as a file', async () => {
  await go('/merges');
  await a.waitFor(hook('export-csv'));
  await until('online', async () => !(await a.page.locator(hook('export-csv')).isDisabled()));
  const take = async button => {
    const waiting = a.page.waitForEvent('download');
    await a.click(hook(button));
    const file = await waiting;
    return { name: file.suggestedFilename(), text: fs.readFileSync(await file.path(), 'utf8') };
  };
  const csv = await take('export-csv');
  equal(csv.name, 'mooring-decisions.csv', 'the file’s name');
  // each cell is quoted, so that no spreadsheet takes a `;` in it for the end of one
  const [heading, ...rows] = csv.text.replace(/^\uFEFF/, '').trim().split(/\r?\n/);
  truthy(heading.startsWith('"what","at","by_person","by_device","by_channel","collection","record","title","field"'), 'the heading');
  truthy(rows.some(row => row.startsWith('"merged",') && row.includes('Days of leave left')), 'a merge is in it');
  truthy(rows.some(row => row.startsWith('"settled",') && row.includes('Sample user')), 'a decision with who made it is in it');
  const json = await take('export-json');
  const decisions = JSON.parse(json.text);
  equal(json.name, 'mooring-decisions.json', 'the file’s name');
  truthy(decisions.some(row => row.what === 'needs review' && row.incoming_by.person === 'Ben Osei'), 'who made the incoming side');
});

await check('an export shows how far it is, and can be stopped', async () => {
  let release;
  const held = new Promise(done => { release = done; });
  await a.context.route('**/audit', async route => { await held; await route.continue().catch(() => {}); });
  await a.click(hook('export-csv'));
  await a.waitFor(hook('export-running'));
  await look('export');
  await a.click(hook('export-stop'));
  await until('told', async () => (await a.page.locator(hook('toast')).allTextContents()).some(said => said.includes('The export was stopped')));
  await a.waitFor(hook('export-csv'));
  release();
  await a.context.unroute('**/audit');
});

await ways({ a, server, ann, ben, go, look, says });

await check('no page reported an error of its own', async () => equal(await a.reports(), [], 'errors'));
await a.close();
await server.kill('SIGTERM');
await end();
