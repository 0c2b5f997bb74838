// Forms and addresses: nothing that is typed is lost or changed, Save says what it did, every address leads somewhere, and
// small and slow screens work.
import { becomes, check, end, equal, need, truthy, until, whenFailed } from './lib/harness.mjs';
import { onSled } from './lib/server.mjs';
import { Device } from './lib/api.mjs';
import { Browser, cleanUp, hook } from './lib/screens.mjs';
import * as act from './lib/actions.mjs';
import { barriers, closeToasts, says } from './lib/review.mjs';

whenFailed(cleanUp);
for (const name of ['MOORING_SERVER', 'MOORING_CHROMIUM', 'MOORING_UI_DIST']) need(name);

const server = await (await onSled()).start();
const other = await new Device(server.url).signIn();
const things = async () => (await server.records()).things;
const on = async key => (await things())[JSON.stringify(key)];

const a = new Browser('A', server.url);
const input = name => `${hook('record-form')} ${hook('field-input')}[data-field="${name}"]`;
const row = key => `${hook('record-row')}[data-key="${key}"]`;
const value = name => a.page.locator(input(name)).inputValue();
const focused = () => a.page.evaluate(() => document.activeElement?.dataset.field ?? document.activeElement?.dataset.test ?? document.activeElement?.tagName);
const saved = () => a.waitFor(`${hook('save')}:disabled:not([aria-busy])`);
/** Goes to a screen without loading the page anew. */
const go = path => a.page.evaluate(to => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')); }, `${act.workspaceUrl(a)}${path}`);
/** Writes into an input as it is; Playwright takes no times of the browser's own spelling. */
const put = (name, text) => a.page.locator(input(name)).evaluate((input, text) => { input.focus(); input.value = text; input.dispatchEvent(new Event('input', { bubbles: true })); }, text);
const show = async (collection = 'things') => { await act.showCollection(a, collection); await a.fill(hook('search'), ''); await a.waitFor(hook('record-row')); };
const thing = async (key, tail = '') => { await go(`/c/things/r/${encodeURIComponent(key)}${tail}`); await a.waitFor(tail ? hook('history') : hook('record-form')); };

const begun = await check('a collection with a field of each kind, and a first visit in Berlin', async () => {
  await other.introduce('Office PC');
  await other.define('things', 'Things', [['zone', 'text'], ['amount', 'decimal'], ['at', 'date_time'], ['note', 'long_text'], ['big', 'long_text'], ['tags', 'tags'], ['data', 'json'], ['count', 'integer']]);
  const base = { zone: 'a', amount: '12.5', at: '2026-11-23T13:30:00.25Z', note: 'a b\r\nc\r\n\r\nd', tags: ['a', 'b'], data: { x: 1 }, count: 5 };
  for (const key of [1, 2, 3]) await other.insert('things', key, base);
  await other.insert('things', 'big', { zone: 'big', big: 'x'.repeat(400_000) });
  await other.insert('things', 'twice', { zone: 'twice', at: '2026-10-25T01:30:00Z' });
  await other.insert('things', 'rtl', { zone: 'שלום 123' });
  await a.open({ timezoneId: 'Europe/Berlin' });
  await act.join(a);
  await act.showCollection(a, 'things');
  await a.pillSays('Synced and verified');
});
if (!begun) await end();

await check('letters that come between Enter and the answer stay; nobody else is held for the author', async () => {
  await thing(1);
  await a.page.locator(input('zone')).click();
  await a.fill(input('zone'), 'changed');
  await a.page.evaluate(selector => {
    const input = document.querySelector(selector);
    window.shown = new Set();
    window.watch = setInterval(() => { window.shown.add(input.value); if (document.querySelector('[data-test=changed-meanwhile]')) window.shown.add('somebody else'); }, 5);
  }, input('zone'));
  for (const key of ['Enter', 'X', 'Enter']) await a.press(key);
  await until('saved', async () => (await on(1)).zone === 'changedX');
  await saved();
  for (const key of ['Enter', 'Y', 'Z']) await a.press(key);
  await until('the letters', async () => await value('zone') === 'changedXYZ');
  await a.press('Control+s');
  await until('saved', async () => (await on(1)).zone === 'changedXYZ');
  await a.pillSays('Synced and verified');
  const shown = await a.page.evaluate(() => { clearInterval(window.watch); return [...window.shown]; });
  equal(shown.filter(text => !['changed', 'changedX', 'changedXY', 'changedXYZ'].includes(text)), [], 'what was seen meanwhile');
});

await check('on a slow machine, too, and in another field', async () => {
  await thing(2);
  await a.slowed(10);
  await a.page.locator(input('zone')).click();
  await a.page.keyboard.press('End');
  for (const key of ['b', 'Enter', 'c']) await a.press(key);
  await a.page.locator(input('amount')).focus();
  await a.press('End');
  await a.press('7');
  await a.slowed(1);
  await until('the letters', async () => await value('zone') === 'abc' && await value('amount') === '12.57');
  await a.press('Enter');
  await until('saved', async () => (await on(2)).zone === 'abc' && (await on(2)).amount === '12.57');
  await a.pillSays('Synced and verified');
});

await check('what means the same is no change: Save says so, and leaving asks nothing', async () => {
  await thing(3);
  const before = JSON.stringify(await on(3));
  for (const [name, text] of [['amount', '+012.5'], ['tags', 'b, a'], ['data', '{ "x":1 }'], ['count', '+5'], ['at', '2026-11-23T14:30:00.250']]) {
    await put(name, text);
    await a.click(hook('save'));
    await says(a, hook('toast'), 'Nothing changed');
    await saved();
    await closeToasts(a);
  }
  await a.fill(input('amount'), '012.5');
  await a.click(hook('close-record'));
  await becomes(() => a.count(hook('confirm-dialog')), 0, 'questions');
  equal(JSON.stringify(await on(3)), before, 'the record');
});

await check('a field that nobody touched never blocks and never changes: fractions of a second, line ends', async () => {
  await thing(3);
  await a.fill(input('zone'), 'b');
  await a.click(hook('save'));
  await until('saved', async () => (await on(3)).zone === 'b');
  equal([(await on(3)).at, (await on(3)).note], ['2026-11-23T13:30:00.25Z', 'a b\r\nc\r\n\r\nd'], 'what was not touched');
  await a.page.locator(input('note')).press('End');
  await a.press('x');
  await a.press('Backspace');
  await until('typed and taken back is no change', () => a.page.locator(hook('save')).isDisabled());
  await a.fill(input('note'), 'a b!\nc\n\nd\ne');
  await a.click(hook('save'));
  await until('saved', async () => (await on(3)).note === 'a b!\r\nc\r\n\r\nd\r\ne');
  await put('at', '2026-11-23T14:31:00.25');
  await a.click(hook('save'));
  await until('saved', async () => (await on(3)).at === '2026-11-23T13:31:00.25Z');
});

await check('hours that the clocks double or skip', async () => {
  await thing('twice');
  await says(a, `.mooring-field:has(${hook('field-input')}[data-field="at"])`, 'comes twice on that day: it is the one at GMT+1');
  await put('at', '2026-10-25T02:31:00');
  await a.click(hook('save'));
  await until('the nearest', async () => (await on('twice')).at === '2026-10-25T01:31:00Z');
  await put('at', '2026-03-29T02:30:00');
  await a.click(hook('save'));
  await says(a, hook('field-error'), 'no such time on that day');
  await becomes(() => focused(), 'at', 'the focus');
  await a.click(hook('cancel-record'));
  await a.click(hook('confirm'));
  await act.showCollection(a, 'things');
  // the browser puts a narrow blank before AM
  await until('as it is written here', async () => /^Oct 25, 2026, 2:31\sAM GMT\+1$/.test(await a.text(`${row('twice')} [data-field="at"]`)));
});

await check('errors are seen and focused in the order of the screen; “Keep editing” goes back to the field', async () => {
  await thing(3);
  await a.fill(input('count'), 'many');
  await a.fill(input('data'), '{');
  await a.fill(input('amount'), '1,25');
  await a.click(hook('save'));
  await until('the first', async () => await focused() === 'amount');
  await becomes(() => a.page.locator(hook('field-error')).allTextContents(), ['Write it with a point: 1.25', 'Not valid JSON.', 'Not a whole number.'], 'errors');
  await a.press('Escape');
  await a.waitFor(hook('confirm-dialog'));
  await a.click(hook('cancel'));
  await until('back', async () => await focused() === 'amount');
});

await check('what is written survives a reload, for whoever wrote it, until it is thrown away', async () => {
  await a.page.reload();
  await a.waitFor(hook('record-form'));
  equal([await value('count'), await value('data'), await value('amount')], ['many', '{', '1,25'], 'after the reload');
  await a.click(hook('close-record'));
  await a.click(hook('confirm'));
  await thing(3);
  await becomes(() => value('amount'), '12.5', 'thrown away');
});

await check('a new record by keys: the first field, save and add, save and see; an empty one is refused', async () => {
  await act.showCollection(a, 'things');
  await a.press('n');
  await until('the first field', async () => await focused() === 'zone');
  await a.press('Control+Enter');
  await says(a, hook('field-error'), 'Nothing is written yet');
  await a.page.locator(input('zone')).click();
  await a.page.keyboard.type('first');
  await a.press('Control+Enter');
  await until('a blank one', async () => await value('zone') === '' && await focused() === 'zone');
  await a.page.keyboard.type('second');
  await a.press('Enter');
  await says(a, hook('record-title'), 'second');
  await until('the row is marked', async () => await a.count('.mooring-row-on[data-row]') === 1);
  equal(Object.values(await things()).map(fields => fields.zone).filter(zone => /^(first|second)$/.test(zone)).sort(), ['first', 'second'], 'both');
});

await check('another tab of mine is told as such; a choice in the form leaves nothing to review', async () => {
  await thing(1);
  await a.fill(input('zone'), 'mine');
  const b = await a.tab('B', `${act.workspaceUrl(a)}/c/things/r/1`);
  await b.waitFor(hook('record-form'));
  await b.fill(input('zone'), 'theirs');
  await b.click(hook('save'));
  await says(a, hook('changed-meanwhile'), 'in another tab of yours');
  await a.click(hook('moved-keep'));
  await a.click(hook('save'));
  await until('saved', async () => (await on(1)).zone === 'mine');
  await a.pillSays('Synced and verified');
  equal(await b.reports(), [], 'errors of B');
  await b.closeTab();
});

await check('a long text is cut, shown on demand, and edited', async () => {
  const start = Date.now();
  await thing('big');
  await a.click(`.mooring-field:has-text("Big") ${hook('show-all-text')}`);
  await until('all of it', async () => (await value('big')).length === 400_000);
  truthy(Date.now() - start < 10_000, `shown after ${Date.now() - start} ms`);
  await a.page.locator(input('big')).press('Control+Home');
  await a.press('y');
  await a.press('Control+s');
  await until('saved', async () => (await on('big')).big.startsWith('yx'));
});

await check('rows are links: drag marks text, Ctrl opens a tab; the screens have names', async () => {
  await show();
  await becomes(() => a.page.title(), 'Things · Sample workspace · Mooring', 'of a collection');
  const cell = await a.page.locator(`${row('rtl')} [data-field="zone"]`).boundingBox();
  await a.page.mouse.move(cell.x + 12, cell.y + cell.height / 2);
  await a.page.mouse.down();
  await a.page.mouse.move(cell.x + 80, cell.y + cell.height / 2, { steps: 5 });
  await a.page.mouse.up();
  await becomes(() => a.count(hook('record-panel')), 0, 'opened by marking text');
  await becomes(() => a.page.locator(`${row('rtl')} [data-field="zone"]`).getAttribute('dir'), 'auto', 'direction');
  await a.page.evaluate(() => getSelection().removeAllRanges());
  const [tab] = await Promise.all([a.context.waitForEvent('page'), a.page.locator(`${row(2)} [data-field="zone"]`).click({ modifiers: ['ControlOrMeta'] })]);
  await tab.waitForURL(/\/c\/things\/r\/2$/);
  await tab.locator(hook('record-form')).waitFor();
  await until('its name', async () => await tab.title() === 'abc · Things · Sample workspace · Mooring');
  await tab.close();
  await becomes(() => a.count(hook('record-panel')), 0, 'opened here, too');
});

await check('a deletion is undone from its message; later the record says who deleted it, and comes back', async () => {
  await show();
  const before = JSON.stringify(await on(2));
  await a.click(`${row(2)} ${hook('select-row')}`);
  await a.click(hook('delete-selected'));
  truthy(!(await a.text(hook('confirm-dialog'))).includes('cannot be undone'), 'true words');
  await a.click(hook('confirm'));
  await until('deleted', async () => await on(2) === undefined);
  await a.click(hook('undo'));
  await a.waitFor(row(2));
  await until('back', async () => JSON.stringify(await on(2)) === before);
  await other.remove('things', 3, await on(3));
  await until('gone', async () => await a.count(row(3)) === 0);
  await go('/c/things/r/3');
  await says(a, hook('gone-by'), /^Deleted by .*Office PC/);
  equal(await barriers(a), [], 'what axe finds');
  await a.screenshot('forms/gone');
  await a.click(hook('gone-restore'));
  await a.click(hook('confirm'));
  await a.waitFor(hook('record-form'));
  await go('/c/things/r/no-such-record');
  await says(a, hook('record-gone'), 'There is no record with this key');
  await a.click(hook('gone-back'));
  await go('/c/nothing');
  await a.click(`${hook('collection-gone')} a`);
  await a.waitFor(hook('record-row'));
});

await check('rows come and go far below; a selection stays while one scrolls; keys go on after a screen is turned', async () => {
  await other.define('many', 'Many', [['name', 'text']]);
  for (let key = 1; key <= 101; key += 1) await other.insert('many', key, { name: `n${key}` });
  await a.waitFor(`${hook('collection-item')}[data-name="many"]`);
  await act.showCollection(a, 'many');
  await until('all', async () => (await a.text(hook('record-count'))) === '101 records');
  await a.click(`${row(1)} ${hook('select-row')}`);
  await a.click(act.cell(1, 'name'));
  await a.press('Control+End');
  await a.waitFor(row(101));
  await until('the cursor is there', async () => await a.page.evaluate(() => document.activeElement?.getAttribute('aria-activedescendant')) === 'cell-100-1');
  await becomes(() => a.text(hook('selected-rows')), '1 selected', 'from the other end');
  await a.press('Shift+Space');
  await until('both', async () => (await a.text(hook('selected-rows'))) === '2 selected');
  await a.click(hook('select-none'));
  await other.remove('many', 101, { name: 'n101' });
  await until('one fewer', async () => (await a.text(hook('record-count'))) === '100 records');
  await a.waitFor(row(100));
  // on a slow machine, too, each key counts
  await a.slowed(10);
  await a.page.locator(hook('grid')).focus();
  await a.press('Control+Home');
  for (const key of ['Shift+Space', 'ArrowDown', 'Shift+Space', 'ArrowDown', 'Shift+Space']) await a.press(key);
  await a.slowed(1);
  await until('three', async () => (await a.text(hook('selected-rows'))) === '3 selected');
  await a.click(hook('select-none'));
});

const odd = ['v1.2', 'crew@example.org', '.', '..', '.env', 'photo.jpg', '10.0.0.7', 'A/1 ü "x"'];
await check('a record of any key opens from a link in a fresh browser', async () => {
  for (const key of odd) await other.insert('many', key, { name: `the record ${key}` });
  const links = [];
  await show('many');
  await a.fill(hook('search'), 'the record');
  await until('all of them', async () => await a.count(hook('record-row')) === odd.length);
  for (const key of odd) links.push(await a.page.locator(`${hook('record-row')} a`).evaluateAll((all, name) => all.find(one => one.closest('[data-row]').textContent.includes(name)).href, `the record ${key}`));
  await a.fill(hook('search'), '');
  const fresh = new Browser('fresh', links[0]);
  await fresh.open();
  await fresh.click(hook('sign-in-demo'));
  await fresh.waitFor(hook('record-title'));
  for (const [at, key] of odd.entries()) {
    await fresh.page.goto(links[at]);
    await says(fresh, hook('record-title'), `the record ${key}`);
  }
  // as a server answers them, not what the browser has kept
  for (const link of links) {
    const answer = await fetch(link, { headers: { accept: 'text/html' } });
    truthy(answer.ok && answer.headers.get('content-type').startsWith('text/html'), `${link}: ${answer.status}`);
  }
  await fresh.close();
});

await check('on a phone, what is beside the navigation closes it and nothing else; so does Escape', async () => {
  await a.page.setViewportSize({ width: 390, height: 844 });
  await go('/c/things');
  await a.waitFor(hook('record-row'));
  await a.click(hook('nav-toggle'));
  await a.waitFor(hook('nav-scrim'));
  await a.screenshot('forms/nav-390-light');
  await a.page.mouse.click(370, 400);
  await until('closed', async () => await a.count(hook('nav-scrim')) === 0);
  await becomes(() => a.count(hook('record-panel')), 0, 'opened underneath');
  await a.click(hook('nav-toggle'));
  await a.page.locator(hook('nav-review')).focus();
  await a.press('Escape');
  await until('closed', async () => await a.count(hook('nav-scrim')) === 0);
  await becomes(() => focused(), 'nav-toggle', 'the focus');
});

await check('at 320 by 256, and on a phone on its side, the page scrolls and all of it can be reached', async () => {
  for (const size of [{ width: 320, height: 256 }, { width: 844, height: 390 }]) {
    await a.page.setViewportSize(size);
    for (const colorScheme of ['light', 'dark']) {
      await a.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await go('/c/things');
      await a.waitFor(hook('record-row'));
      const last = a.page.locator(hook('record-row')).last();
      await last.scrollIntoViewIfNeeded();
      truthy(await last.isVisible(), 'the last row');
      const seen = await a.page.evaluate(() => { const box = document.querySelector('[data-test=grid]').getBoundingClientRect(); return box.height; });
      truthy(seen > 200, `the table has ${seen} px at ${size.width}`);
      truthy(await a.page.evaluate(() => document.scrollingElement.scrollHeight > innerHeight + 20), 'the page scrolls');
      await a.screenshot(`forms/grid-${size.width}-${colorScheme}`);
      await thing(1);
      await a.page.locator(hook('save')).scrollIntoViewIfNeeded();
      const form = await a.page.locator(hook('record-form')).boundingBox();
      truthy(form.height > 400, `the form has ${form.height} px at ${size.width}`);
      const wide = await a.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      truthy(wide <= 0, `the page is ${wide} px too wide at ${size.width}`);
      await a.screenshot(`forms/record-${size.width}-${colorScheme}`);
      await a.click(hook('close-record'));
    }
  }
  await a.page.setViewportSize(a.viewport);
  await a.page.emulateMedia({ colorScheme: 'light', reducedMotion: null });
});

await check('a first visit paints before the program is there, in the dark, too', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const slow = new Browser(`slow-${colorScheme}`, 'about:blank');
    await slow.open({ colorScheme });
    let release;
    const held = new Promise(done => { release = done; });
    await slow.page.route('**/*.wasm', async route => { await held; await route.continue().catch(() => {}); });
    await slow.page.goto(server.url, { waitUntil: 'commit' });
    await slow.waitFor('#boot progress');
    // the style sheet comes a moment after the page
    const [light] = await until('painted', () => slow.page.evaluate(() => {
      const [r, g, b, a = 1] = getComputedStyle(document.querySelector('#boot')).backgroundColor.match(/[0-9.]+/g).map(Number);
      return a === 1 && [(r + g + b) / 3];
    }));
    truthy(colorScheme === 'dark' ? light < 80 : light > 200, `the background is ${light} in the ${colorScheme}`);
    await slow.screenshot(`forms/boot-${colorScheme}`);
    release();
    await slow.waitFor(hook('sign-in-demo'));
    await becomes(() => slow.count('#boot'), 0, 'what stood there before');
    equal(await slow.reports(), [], 'errors');
    await slow.close();
  }
});

await check('numbers and dates are read and written as people here write them, and kept, copied and exported as they are', async () => {
  await other.insert('things', 'german', { zone: 'de', amount: '1482.5', count: 8_000_000, at: '2012-02-06T11:30:00Z' });
  const de = new Browser('DE', server.url);
  await de.open({ timezoneId: 'Europe/Berlin', locale: 'de-DE' });
  await de.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await act.join(de);
  await act.showCollection(de, 'things');
  await de.fill(hook('search'), 'german');
  await until('found', async () => await de.count(hook('record-row')) === 1);
  const told = await act.rowTells(de, 'german');
  equal([told.amount, told.count, told.at], ['1.482,5', '8.000.000', '06.02.2012, 12:30'], 'as Germans read it');
  await de.click(act.cell('german', 'amount'));
  await de.press('Control+c');
  equal(await de.page.evaluate(() => navigator.clipboard.readText()), '1482.5', 'copied as it is stored');
  await de.press('Enter');
  await becomes(() => de.page.locator(`${hook('cell-editor')} input`).inputValue(), '1482,5', 'in its editor');
  await de.fill(`${hook('cell-editor')} input`, '1.200,75');
  await de.press('Enter');
  await until('saved', async () => (await on('german')).amount === '1200.75');
  await de.click(act.toRecord('german'));
  await de.fill(input('amount'), '0,5');
  await de.fill(input('count'), '12.000');
  await de.press('Enter');
  await until('saved', async () => (await on('german')).count === 12_000);
  equal((await on('german')).amount, '0.5', 'on the server');
  equal(await de.reports(), [], 'errors');
  await de.close();
});

await check('no page reported an error of its own', async () => equal(await a.reports(), [], 'errors'));
await a.close();
await server.kill('SIGTERM');
await end();
