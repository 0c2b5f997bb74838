// Reviewing as people do it: two browsers and scripted devices make real conflicts on a real server; they are found,
// compared, decided by keys and by pointer, alone and many at once, offline, too late, and taken back.
import { becomes, check, end, equal, need, truthy, until, whenFailed } from './lib/harness.mjs';
import { onSled } from './lib/server.mjs';
import { Browser, cleanUp, hook } from './lib/screens.mjs';
import { Person, Replica, addPeople } from './lib/members.mjs';
import { cellSays, closeToasts, edit, field, gone, item, openReview, openWorkspace, pictures, remove, says, sent, signIn, toInbox } from './lib/review.mjs';

whenFailed(cleanUp);
for (const name of ['MOORING_SERVER', 'MOORING_CHROMIUM', 'MOORING_UI_DIST']) need(name);

const HOUR = 60 * 60 * 1000;
const long = 'Prefers deliveries before nine. Ask for Marta at the gate, and bring the signed papers. The crane is booked through the harbour office.';
const contact = (name, more = {}) => ({ name, phone: '+49 40 555 0100', notes: long, visits: 4, ...more });

const server = await onSled();
addPeople(server, { ann: 'Ann Berg', ben: 'Ben Okafor', carl: 'Carl Diaz', rita: 'Rita Read' });
await server.start();
const [annOverHttp, benOverHttp, carlOverHttp] = [await Person.signIn(server, 'ann'), await Person.signIn(server, 'ben'), await Person.signIn(server, 'carl')];
const harbour = await annOverHttp.workspace('Harbour', { ben: 'editor', carl: 'editor', rita: 'reader' });
const store = await annOverHttp.workspace('Warehouse', { carl: 'editor' });
const office = new Replica(annOverHttp, harbour, 'Office PC', 'desktop');
const tablet = new Replica(carlOverHttp, harbour, 'Deck tablet', 'browser');
const laptop = new Replica(benOverHttp, harbour, 'Crane laptop', 'desktop');

const ann = new Browser('ann', server.url);
const ben = new Browser('ben', server.url);

const begun = await check('Ann and Ben sign in; nothing needs review', async () => {
  office.define('contacts', 'Contacts', {
    name: ['Name', 'text'], phone: ['Phone number', 'text'], notes: ['Notes', 'long_text'], visits: ['Visits', 'integer'], budget: ['Budget', 'decimal'],
    next_visit: ['Next visit', 'date'], active: ['Active', 'yes_no'], tags: ['Tags', 'tags'],
  });
  for (const [key, name] of Object.entries({ 1: 'Acme Shipping', 2: 'Baltic Ropes', 3: 'Cape Lines', 4: 'Dock & Sons', 5: 'East Pier', 6: 'Fjord Ferries' })) {
    office.insert('contacts', Number(key), contact(name));
  }
  await office.push();
  for (const [browser, login] of [[ann, 'ann'], [ben, 'ben']]) {
    await browser.open();
    await signIn(browser, login, 'Harbour');
    await browser.pillSays('Synced and verified');
  }
  await toInbox(ann);
  await ann.waitFor(hook('review-empty'));
  await pictures(ann, 'empty');
});
if (!begun) await end();

await check('both edit the same record offline: one item on both, named with people and devices', async () => {
  for (const browser of [ann, ben]) await browser.offline(true);
  await edit(ann, 'contacts', 1, { phone: '+49 40 555 0199', notes: long.replace('nine', 'ten').replace('Marta', 'Jonas') });
  await edit(ben, 'contacts', 1, { phone: '+49 40 777 0100', notes: long.replace('nine', 'eight'), visits: '7' });
  await ann.offline(false);
  await ann.pillSays('Synced and verified');
  await ben.offline(false);
  for (const browser of [ann, ben]) {
    await browser.pillSays('Needs review (1)');
    await toInbox(browser);
    await becomes(() => browser.text(hook('review-tab-open')), 'Open1', 'the tab counts');
    await says(browser, `${item(1)} ${hook('review-open')}`, 'Acme Shipping');
  }
  await says(ann, hook('review-between'), 'Changed on this device (Ann Berg) and on');
  await says(ann, hook('review-between'), '(Ben Okafor)');
});

await check('by keys: opened, compared, each field chosen, saved; the record is as the preview said', async () => {
  await ann.press('j');
  await ann.press('Enter');
  await ann.waitFor(hook('review-screen'));
  await says(ann, `${field('phone')} ${hook('review-current')}`, '0199');
  await says(ann, `${field('phone')} ${hook('review-incoming')}`, '777');
  await becomes(() => ann.count(`${field('phone')} input:checked, ${field('notes')} input:checked`), 0, 'nothing is preselected on a true clash');
  await until('what only one side changed is preselected', () => ann.page.locator(`${field('visits')} ${hook('pick-incoming')}`).isChecked());
  await becomes(() => ann.page.locator(`${field('notes')} ${hook('review-current')} ins`).allTextContents(), ['ten', 'Jonas'], 'words that came');
  await becomes(() => ann.page.locator(`${field('notes')} ${hook('review-current')} del`).allTextContents(), ['nine', 'Marta'], 'words that went');
  await says(ann, `${field('visits')} ${hook('review-incoming')}`, '+3');
  truthy(!/[0-9a-f]{8}-[0-9a-f]{4}-/.test(await ann.page.evaluate(() => document.body.innerText)), 'nobody reads an id');
  await pictures(ann, 'review-open');
  await until('not before every clash is chosen', () => ann.page.locator(hook('resolve')).isDisabled());
  await ann.press('2');
  await says(ann, `${hook('preview-value')}[data-field="phone"]`, '+49 40 777 0100');
  await says(ann, hook('resolve'), 'Choose the notes first');
  await ann.press('1');
  await says(ann, hook('resolve'), 'Save these 2 choices');
  await ann.page.locator(`${field('phone')} input`).first().focus(); // keys are for the field in focus
  await ann.press('e');
  await ann.page.locator('.mooring-own input').waitFor();
  await ann.fill('.mooring-own input', '+49 40 555 0007');
  await ann.press('Enter'); // leaves the input
  await says(ann, `${hook('preview-value')}[data-field="phone"]`, 'written by you');
  await pictures(ann, 'review-chosen');
  await ann.press('Enter');
  await ann.waitFor(hook('undo'));
  await ann.pillSays('Synced and verified');
  await ben.pillSays('Synced and verified');
  await cellSays(ben, 'contacts', 1, 'phone', '+49 40 555 0007'); // Ben has Ann’s own value
  await cellSays(ben, 'contacts', 1, 'visits', '7'); // what only Ben changed stays
});

await check('undo: open again on both, with the record as before', async () => {
  await ann.click(hook('undo'));
  for (const browser of [ann, ben]) await browser.pillSays('Needs review (1)');
  await cellSays(ben, 'contacts', 1, 'phone', '+49 40 555 0199'); // the phone number before the decision
});

await check('both kept as two records, linked to the first', async () => {
  await openReview(ben, 1);
  await ben.press('b');
  await says(ben, hook('review-both'), 'A new record, as this device (Ben Okafor) has it');
  await pictures(ben, 'keep-both');
  await ben.click(hook('resolve'));
  await ben.pillSays('Synced and verified');
  await ben.click(`${hook('collection-item')}[data-name="contacts"]`);
  await until('seven records', async () => await ben.count(hook('record-row')) === 7);
  await toInbox(ann);
  await ann.click(hook('review-tab-settled'));
  await says(ann, `${item(1)} ${hook('review-how')}`, 'keep both as two records');
  await ann.click(`${item(1)} ${hook('review-open')}`);
  await says(ann, hook('review-settled'), 'Ben Okafor');
  await pictures(ann, 'settled');
  await ann.click(hook('take-back'));
  await ann.pillSays('Needs review (1)');
  await ann.click(hook('review-back'));
  await ann.click(hook('review-tab-open'));
  await ann.waitFor(item(1));
});

await check('numbers, dates, tags, yes or no and words: each difference in its own way', async () => {
  const seen = { ...contact('Grey Whale Charter'), budget: '1200', next_visit: '2026-12-01', active: true, tags: ['charter', 'north', 'priority'] };
  office.insert('contacts', 'whale', seen);
  await office.push();
  office.patch('contacts', 'whale', { visits: [4, 7], budget: ['1200', '1350.5'], next_visit: ['2026-12-01', '2026-12-03'], active: [true, false], tags: [seen.tags, ['charter', 'priority', 'winter']] }, Date.now() - 26 * HOUR);
  await office.push();
  tablet.patch('contacts', 'whale', { visits: [4, 2], budget: ['1200', '900'], next_visit: ['2026-12-01', '2026-11-30'], active: [true, null], tags: [seen.tags, ['charter', 'north']], phone: ['+49 40 555 0100', '+49 40 555 0123'] }, Date.now() - 25 * HOUR);
  equal((await tablet.push()).conflicted, 1, 'conflicts made by the tablet');
  await openReview(ann, 'whale');
  for (const [name, current, incoming] of [['visits', '+3', '−2'], ['budget', '+150.5', '−300'], ['next_visit', '2 days later', '1 day earlier']]) {
    await says(ann, `${field(name)} ${hook('review-current')}`, current);
    await says(ann, `${field(name)} ${hook('review-incoming')}`, incoming);
  }
  await becomes(() => ann.page.locator(`${field('tags')} ${hook('review-current')} ins`).allTextContents(), ['winter'], 'tags that came');
  await says(ann, `${field('tags')} ${hook('pick-incoming')} + *`, 'Take the tags from Deck tablet (Carl Diaz)');
  await pictures(ann, 'review-typed');
  await ann.click(hook('take-incoming'));
  await ann.click(`${field('tags')} ${hook('pick-current')}`);
  await says(ann, hook('resolve'), /^Save these \d choices$/);
  await ann.press('Enter');
  await ben.pillSays('Needs review (1)');
});

await check('asked of Ben, commented, put off and taken up again', async () => {
  await openReview(ann, 1);
  await ann.page.locator(hook('assign')).selectOption({ label: 'Ben Okafor' });
  await ann.fill(hook('comment-text'), 'Ben, did they move?');
  await ann.click(hook('comment-send'));
  await says(ann, hook('comment'), 'Ben, did they move?');
  await toInbox(ben);
  await ben.waitFor(`${item(1)} ${hook('mark-assigned')}`);
  await ben.waitFor(`${item(1)} ${hook('mark-comments')}`);
  // it waits for him, and for nobody else
  await ben.pillSays('Needs review (1)');
  await ann.pillSays('Synced and verified');
  await ben.click(`${item(1)} ${hook('review-open')}`);
  await says(ben, hook('comment'), 'Ann Berg');
  await ben.fill(hook('comment-text'), 'Yes, to the north pier.');
  await ben.click(hook('comment-send'));
  await until('two comments', async () => await ann.count(hook('comment')) === 2);
  await pictures(ann, 'comments');
  await ann.page.locator(hook('assign')).selectOption({ label: 'Nobody' });
  await ann.pillSays('Needs review (1)');
  await ann.click(hook('snooze'));
  await ann.click(hook('snooze-tomorrow'));
  await ann.waitFor(hook('snoozed-until'));
  await ann.pillSays('Synced and verified');
  await ben.pillSays('Needs review (1)');
  await toInbox(ann);
  await ann.click(hook('review-tab-snoozed'));
  await ann.waitFor(`${item(1)} ${hook('mark-snoozed')}`);
  await pictures(ann, 'put-off');
  await ann.click(`${item(1)} ${hook('review-open')}`);
  await ann.click(hook('snooze-end'));
  await gone(ann, hook('snoozed-until'));
  await ann.pillSays('Needs review (1)');
  await toInbox(ann);
  await ann.waitFor(hook('review-empty'));
  await ann.click(hook('review-tab-open'));
});

await check('an edit against a delete, and a delete against an edit: a layout of their own', async () => {
  for (const browser of [ann, ben]) await browser.offline(true);
  await remove(ann, 'contacts', 2);
  await edit(ben, 'contacts', 2, { phone: '+49 40 222 2222' });
  await edit(ann, 'contacts', 3, { phone: '+49 40 333 3333', notes: 'Moved to pier 9.' });
  await remove(ben, 'contacts', 3);
  await ann.offline(false);
  await sent(ann); // the server has hers first
  await ben.offline(false);
  for (const browser of [ann, ben]) await browser.pillSays('Needs review (3)');
  await openReview(ann, 2);
  await says(ann, hook('review-screen'), 'Keep it deleted');
  await says(ann, hook('review-incoming'), '222 2222');
  await pictures(ann, 'edit-delete');
  await ann.press('2');
  await says(ann, hook('resolve'), /^Restore it with the edit from .* \(Ben Okafor\)$/);
  await says(ann, `${hook('preview-value')}[data-field="phone"]`, '222 2222');
  await ann.press('Enter');
  await openReview(ann, 3);
  await ann.press('2');
  await says(ann, hook('resolve'), 'Delete it anyway');
  await says(ann, hook('preview-deleted'), 'deleted');
  await pictures(ann, 'delete-edit');
  await ann.press('1');
  await ann.click(hook('resolve'));
  for (const browser of [ann, ben]) await browser.pillSays('Needs review (1)');
  await cellSays(ben, 'contacts', 2, 'phone', '+49 40 222 2222'); // restored with the edit
  await cellSays(ben, 'contacts', 3, 'notes', 'Moved to pier 9.'); // kept
});

await check('keys that come faster than the page is drawn are all taken, in their order', async () => {
  await ann.offline(true);
  for (let round = 1; round <= 2; round += 1) {
    await openReview(ann, 1);
    await ann.slowed(20);
    for (const key of ['1', '2', 'Enter']) await ann.press(key);
    await ann.slowed(1);
    await says(ann, hook('toast'), 'applies when online');
    await ann.click(`${item(1)} ${hook('review-open')}`);
    await says(ann, hook('review-pending'), `Phone number: “+49 40 555 0199”, Notes: “Prefers deliveries before eight`);
    await ann.slowed(20);
    await ann.click(hook('decide-again'));
    await gone(ann, hook('review-pending'));
    for (const key of ['2', '1', 'Enter']) await ann.press(key);
    await ann.slowed(1);
    await ann.click(`${item(1)} ${hook('review-open')}`);
    await says(ann, hook('review-pending'), `Phone number: “+49 40 777 0100”, Notes: “Prefers deliveries before ten`);
    await ann.click(hook('decide-again'));
    await gone(ann, hook('review-pending'));
  }
  await ann.offline(false);
  await sent(ann);
  await closeToasts(ann); // the next check looks for one of its own
});

await check('decided offline: waits, can be changed, and comes back where the record has moved', async () => {
  await ann.offline(true);
  await openReview(ann, 1);
  await ann.press('2');
  await ann.press('2');
  await ann.press('Enter');
  await says(ann, hook('toast'), 'applies when online');
  await toInbox(ann);
  await ann.waitFor(`${item(1)} ${hook('mark-pending')}`);
  await ann.waitFor(hook('review-offline'));
  await pictures(ann, 'offline');
  await ann.click(`${item(1)} ${hook('review-open')}`);
  await says(ann, hook('review-pending'), '777');
  await pictures(ann, 'decided-waiting');
  await ann.click(hook('decide-again'));
  await gone(ann, hook('review-pending'));
  await ann.press('1');
  await ann.press('1');
  await ann.press('Enter');
  await ann.waitFor(hook('undo'));
  await edit(ben, 'contacts', 1, { visits: '11' });
  await sent(ben);
  await ann.offline(false);
  await toInbox(ann);
  await ann.waitFor(`${item(1)} ${hook('mark-returned')}`);
  await ann.click(`${item(1)} ${hook('review-open')}`);
  await ann.waitFor(hook('review-returned'));
  await until('the choices are kept', () => ann.page.locator(`${field('phone')} ${hook('pick-current')}`).isChecked());
  await until('what moved is marked', () => ann.page.locator(`${field('visits')} .mooring-chip`).first().isVisible());
  await pictures(ann, 'came-back');
});

await check('two decide at once: the second is told who was first, and how', async () => {
  await openReview(ben, 1);
  await ben.click(hook('take-incoming'));
  await ben.offline(true);
  await ann.click(hook('take-current'));
  await ann.click(hook('resolve'));
  await ann.pillSays('Synced and verified');
  await ben.click(hook('resolve'));
  await ben.offline(false);
  await toInbox(ben);
  await says(ben, hook('rejected-reason'), '(Ann Berg) decided before you');
  await pictures(ben, 'second-in-list');
  await ben.click(hook('late-open'));
  await says(ben, hook('review-settled'), 'decided before you');
  await says(ben, hook('review-late'), '777');
  await pictures(ben, 'second');
  await toInbox(ben);
  await ben.click(hook('discard'));
  await ben.pillSays('Synced and verified');
});

await check('settled by somebody while one looks', async () => {
  office.patch('contacts', 5, { phone: ['+49 40 555 0100', '+49 40 555 5555'] });
  await office.push();
  tablet.patch('contacts', 5, { phone: ['+49 40 555 0100', '+49 40 555 6666'] });
  await tablet.push();
  await openReview(ben, 5);
  await openReview(ann, 5);
  await ann.click(hook('pick-incoming'));
  await ann.click(hook('resolve'));
  await says(ben, hook('review-settled'), '(Ann Berg) decided before you');
  await becomes(() => ben.count(hook('resolve')), 0, 'nothing is left to save');
});

await check('a reader sees everything and can change nothing', async () => {
  office.patch('contacts', 6, { phone: ['+49 40 555 0100', '+49 40 555 5555'] });
  await office.push();
  tablet.patch('contacts', 6, { phone: ['+49 40 555 0100', '+49 40 555 6666'] });
  await tablet.push();
  laptop.patch('contacts', 6, { phone: ['+49 40 555 0100', '+49 40 555 7777'] });
  await laptop.push();
  const rita = new Browser('rita', server.url);
  await rita.open();
  await signIn(rita, 'rita', 'Harbour');
  await toInbox(rita);
  await rita.waitFor(hook('review-reader'));
  await until('both changes of one record', async () => await rita.count(item(6)) === 2);
  await becomes(() => rita.count('.mooring-inbox-record'), 1, 'headings of records with several');
  await pictures(rita, 'reader-list');
  await becomes(() => rita.count(hook('review-select')), 0, 'nothing to select');
  await rita.click(`${item(6)} ${hook('review-open')}`);
  await says(rita, hook('review-incoming'), '6666');
  for (const name of ['resolve', 'keep-both', 'pick-current', 'comment-text', 'assign', 'snooze']) equal(await rita.count(hook(name)), 0, name);
  await pictures(rita, 'reader');
  equal(await rita.reports(), [], 'errors of Rita’s page');
  await rita.close();
});

await check('what moves while one looks is pointed out, and asked for anew', async () => {
  await openReview(ben, 6);
  await ben.click(hook('pick-current'));
  await says(ben, hook('resolve'), 'Keep the phone number from');
  office.patch('contacts', 6, { phone: ['+49 40 555 5555', '+49 40 555 5556'] });
  await office.push();
  await ben.waitFor(hook('review-moved'));
  await says(ben, hook('review-current'), '5556');
  await until('what was chosen is not there any more', () => ben.page.locator(hook('resolve')).isDisabled());
  await pictures(ben, 'moved');
});

const PARTS = 1_000;
await check('1,000 open: the list is there in under 300 ms, is filtered, searched and walked by keys', async () => {
  const desk = new Replica(annOverHttp, store, 'Store desk', 'desktop');
  const [scanner, forklift] = [new Replica(carlOverHttp, store, 'Scanner'), new Replica(carlOverHttp, store, 'Forklift tablet')];
  desk.define('parts', 'Parts', { name: ['Name', 'text'], shelf: ['Shelf', 'text'], stock: ['Stock', 'integer'] });
  const keys = Array.from({ length: PARTS }, (_, at) => at + 1);
  const old = Date.now() - 10 * 24 * HOUR;
  for (const key of keys) desk.insert('parts', key, { name: `Part ${String(key).padStart(4, '0')}`, shelf: 'A1', stock: 10 }, old);
  for (const key of keys) desk.patch('parts', key, { shelf: ['A1', 'B2'], stock: [10, 12] }, old + key * 60_000);
  await desk.push();
  for (const key of keys) (key % 10 === 0 ? forklift : scanner).patch('parts', key, { shelf: ['A1', 'C3'], ...(key % 3 === 0 && { stock: [10, 9] }) }, old + HOUR + key * 60_000);
  const made = [await scanner.push(), await forklift.push()];
  equal(made.map(counts => counts.conflicted), [900, 100], 'conflicts made');

  await ann.click(hook('workspace-switcher'));
  await ann.click(hook('all-workspaces'));
  await openWorkspace(ann, 'Warehouse');
  await ann.pillSays('Needs review (1,000)', 120_000);
  await ann.click(`${hook('collection-item')}[data-name="parts"]`);
  await ann.waitFor(hook('record-row'));
  const times = [];
  for (let round = 0; round < 5; round += 1) {
    times.push(await ann.page.evaluate(({ nav, row }) => new Promise(done => {
      performance.mark('inbox-asked');
      const seen = new MutationObserver(() => {
        if (document.querySelectorAll(row).length < 50) return;
        seen.disconnect();
        // when it is painted, not only in the document
        requestAnimationFrame(() => setTimeout(() => done(performance.measure('inbox', 'inbox-asked').duration)));
      });
      seen.observe(document.body, { childList: true, subtree: true });
      document.querySelector(nav).click();
    }), { nav: hook('nav-review'), row: hook('review-item') }));
    if (round < 4) { await ann.click(`${hook('collection-item')}[data-name="parts"]`); await ann.waitFor(hook('record-row')); }
  }
  console.log(`      the inbox with ${PARTS} open opens in ${times.map(ms => Math.round(ms)).join(', ')} ms`);
  await becomes(() => ann.text(hook('review-range')), '1 – 50 of 1,000', 'pages');
  await pictures(ann, 'inbox');
  await ann.page.locator(hook('filter-device')).selectOption('Forklift tablet');
  await says(ann, hook('review-range'), 'of 100');
  await ann.press('/');
  await ann.page.keyboard.type('0500');
  await until('one item', async () => await ann.count(hook('review-item')) === 1);
  await pictures(ann, 'filtered');
  await ann.fill(hook('review-search'), 'no such part');
  await ann.waitFor(hook('review-nothing'));
  await pictures(ann, 'nothing-matches');
  await ann.page.locator(hook('review-nothing')).getByRole('button').click();
  await says(ann, hook('review-range'), 'of 1,000');
  // J, K and X walk and select
  await ann.page.locator('#review-title').click();
  for (const key of ['j', 'x', 'j', 'x', 'ArrowDown', 'x', 'k', 'x']) await ann.press(key);
  await becomes(() => ann.text(hook('selected-count')), '2 selected', 'selected by keys');
  await ann.click(hook('select-none'));
});

await check('quick keys within a review count from where they lead, and decide about nothing that is not drawn yet', async () => {
  const quick = (...all) => ann.page.evaluate(all => {
    for (const key of all) document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  }, all);
  await ann.page.locator(hook('review-open')).first().click();
  await says(ann, hook('review-place'), '1 of 1,000');
  await quick('j', 'j', 'j', 'k');
  await says(ann, hook('review-place'), '3 of 1,000');
  await quick('j', '1', 'Enter'); // all before the fourth is drawn
  await says(ann, hook('review-place'), '4 of 1,000');
  await until('nothing is chosen', async () => await ann.count('.mooring-choices input:checked, [data-test=review-field] input:checked') === 0);
  await quick('k');
  await says(ann, hook('review-place'), '3 of 1,000');
  await ann.waitFor(hook('resolve')); // nothing was decided here
  await until('nothing is chosen', async () => await ann.count('[data-test=review-field] input:checked') === 0);
  await ann.click(hook('review-back'));
  await says(ann, hook('review-range'), 'of 1,000');
});

await check('a rule says what it would do, and leaves exceptions open', async () => {
  await ann.click(hook('select-page'));
  await ann.click(hook('select-everything'));
  await says(ann, hook('selected-count'), '1,000 selected');
  await ann.click(hook('bulk-decide'));
  await ann.waitFor(hook('bulk-dialog'));
  await ann.click(hook('rule-device'));
  await ann.page.locator(hook('rule-name')).selectOption('Scanner');
  await says(ann, hook('bulk-take'), '900');
  await says(ann, hook('bulk-left'), '100');
  await says(ann, hook('bulk-preview'), 'Neither version is from there.');
  await says(ann, hook('bulk-start'), 'Make 900 decisions');
  await pictures(ann, 'bulk');
  await ann.click(hook('rule-newest'));
  await says(ann, hook('bulk-take'), '1,000');
});

await check('all 1,000 are settled with progress, and one undo takes all of them back', async () => {
  await ann.page.evaluate(hook => {
    window.steps = [];
    new MutationObserver(() => {
      const bar = document.querySelector(`${hook} [role=progressbar]`);
      if (bar) window.steps.push(Number(bar.getAttribute('aria-valuenow')));
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  }, hook('bulk-dialog'));
  const start = Date.now();
  await ann.click(hook('bulk-start'));
  await says(ann, hook('toast'), '1,000 decisions saved on this device');
  console.log(`      1,000 decisions saved after ${Date.now() - start} ms`);
  const steps = await ann.page.evaluate(() => window.steps);
  truthy(new Set(steps).size >= 3 && steps.every((step, at) => at === 0 || step >= steps[at - 1]), `the bar moved on: ${[...new Set(steps)]}`);
  await pictures(ann, 'bulk-done', { toasts: true });
  await ann.pillSays('Synced and verified', 120_000);
  await becomes(() => ann.text(hook('review-tab-settled')), 'Settled1,000', 'settled');
  await ann.click(`${hook('collection-item')}[data-name="parts"]`); // the undo stays in reach on other screens
  await ann.click(hook('undo'));
  await ann.pillSays('Needs review (1,000)', 120_000);
  await toInbox(ann);
  await until('all open again', async () => (await ann.text(hook('review-tab-open'))) === 'Open1,000');
  const parts = await annOverHttp.call('POST', `/v1/workspaces/${store.id}/snapshot`, {});
  const shelves = parts.pages.filter(page => page.collection === 'parts').flatMap(page => page.records.map(record => record.fields.shelf));
  truthy(shelves.length > 0 && shelves.every(shelf => shelf === 'B2'), 'every record is as it was before');
});

await check('settled ones are taken back by selecting', async () => {
  await ann.click(`${item(1)} ${hook('review-select')}`);
  await ann.click(`${item(2)} ${hook('review-select')}`);
  await ann.click(hook('bulk-decide'));
  await ann.click(hook('rule-incoming'));
  await ann.click(hook('bulk-start'));
  await ann.pillSays('Needs review (998)');
  await ann.click(hook('review-tab-settled'));
  await until('both settled', async () => await ann.count(hook('review-item')) === 2);
  await ann.click(hook('select-page'));
  await pictures(ann, 'settled-list');
  await ann.click(hook('take-back-selected'));
  await ann.pillSays('Needs review (1,000)');
});

await check('no page reported an error of its own', async () => {
  for (const browser of [ann, ben]) equal(await browser.reports(), [], `errors of ${browser.name}`);
});
for (const browser of [ann, ben]) await browser.close();
await server.kill('SIGTERM');
await end();
