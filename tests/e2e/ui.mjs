// The grid as people use it who come from a spreadsheet: one sheet however long and wide, a cell cursor, editing in place,
// ranges, copied cells, undo; filters, sorts and fields that live in the address; cards on a phone.
import fs from 'node:fs';
import path from 'node:path';
import { becomes, check, end, equal, need, scratch, truthy, until, whenFailed } from './lib/harness.mjs';
import { onSled } from './lib/server.mjs';
import { Device } from './lib/api.mjs';
import { Browser, cleanUp, hook } from './lib/screens.mjs';
import * as act from './lib/actions.mjs';
import { pictures } from './lib/review.mjs';
import { around } from './ui/around.mjs';
import { groups } from './ui/groups.mjs';
import { shape } from './ui/shape.mjs';

whenFailed(cleanUp);
for (const name of ['MOORING_SERVER', 'MOORING_CHROMIUM', 'MOORING_UI_DIST']) need(name);

const ORDERS = 3_000;
const server = await (await onSled()).start();
const other = await new Device(server.url).signIn();
const a = new Browser('A', server.url);
const grid = hook('grid');
const row = key => `${hook('record-row')}[data-key="${key}"]`;
const order = n => `ORD-${String(n).padStart(6, '0')}`;
const on = async (collection, key) => (await server.records())[collection][JSON.stringify(key)];
/** Where the cell cursor is: row and column among all, from 0. */
const at = () => a.page.evaluate(() => (document.activeElement?.getAttribute('aria-activedescendant') ?? '').split('-').slice(1).map(Number));
const atCell = (r, c) => until(`the cursor at ${r}, ${c}`, async () => {
  const now = await at();
  if (now[0] === r && now[1] === c) return true;
  throw new Error(`it is at ${now}`);
});
const press = async (...keys) => { for (const key of keys) await a.press(key); };
const count = text => until(text, async () => {
  const now = await a.text(hook('record-count'));
  if (now === text) return true;
  throw new Error(`it says "${now}"`);
});
const firstKeys = n => a.page.locator(hook('record-row')).evaluateAll((rows, n) => rows.slice(0, n).map(one => one.dataset.key), n);
const query = () => new URL(a.page.url()).search;
const show = async collection => {
  await a.page.goto(`${act.workspaceUrl(a)}/c/${collection}`);
  await a.waitFor(hook('record-row'));
};
const menu = async (field, entry) => {
  await a.click(`${hook('heading')}[data-field="${field}"] button`);
  await a.click(hook(entry));
};
const look = name => pictures(a, name, { folder: 'ui', ready: hook('record-row'), each: true });

const begun = await check('thousands of orders are imported, and fill one sheet', async () => {
  const status = ['lost', 'paid', 'sent', 'new', 'packed'];
  const names = ['Müller', 'García', 'Okafor', 'Svensson', 'Rossi', 'Dubois'];
  const lines = Array.from({ length: ORDERS }, (_, i) => [order(i + 1), `${names[i % 6]} & Co ${i % 97}`, (((i * 7919) % 100_000) / 100 + 0.01).toFixed(2), status[i % 5], `2026-0${1 + i % 9}-1${i % 10}`, i % 40, i % 11 ? '' : 'fragile, handle with care'].map(cell => `"${cell}"`).join(','));
  const file = path.join(scratch, 'orders.csv');
  fs.writeFileSync(file, ['Key,Customer,Amount,Status,Day,Pieces,Note', ...lines].join('\n'));
  await a.open();
  await a.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await act.join(a);
  await act.importFile(a, file);
  await count('3,000 records');
  truthy(await a.count(hook('record-row')) < 80, 'only rows in view are drawn');
  const high = await a.page.locator(grid).evaluate(grid => grid.scrollHeight);
  equal(high, ORDERS * 32 + 34, 'the scroll bar is the whole collection');
});
if (!begun) await end();

await check('Ctrl+End is the last order, Ctrl+Home the first; Page Down keeps the keys working', async () => {
  await a.click(act.cell(order(1), 'customer'));
  await press('Control+End');
  await a.waitFor(row(order(ORDERS)));
  await becomes(async () => (await at())[0], ORDERS - 1, 'the row of the cursor');
  await press('Control+Home');
  await atCell(0, 0);
  await press('PageDown');
  const [down] = await at();
  truthy(down > 10, `one screen down is row ${down}`);
  await press('ArrowDown', 'ArrowRight');
  await atCell(down + 1, 1);
  await press('End');
  await atCell(down + 1, 6);
});

await check('dragging the scroll bar to any place shows the rows of that place', async () => {
  for (const place of [0.5, 0.99, 0.13]) {
    const first = Math.floor(place * ORDERS);
    await a.page.locator(grid).evaluate((grid, top) => { grid.scrollTop = top; }, first * 32);
    await a.waitFor(row(order(first + 3)));
    await until('in view', () => a.page.locator(row(order(first + 3))).isVisible());
  }
  await a.page.locator(grid).evaluate(grid => { grid.scrollTop = 0; });
});

await check('a grid of real cells: rows and columns are counted, the cursor is named', async () => {
  // the first rows come back after the scrolling before
  await a.waitFor(`${grid} [data-row="0"]`);
  const told = await a.page.locator(grid).evaluate(grid => ({
    rows: grid.getAttribute('aria-rowcount'), columns: grid.getAttribute('aria-colcount'),
    cells: grid.querySelector('[data-row="0"]').querySelectorAll('[role=gridcell]').length,
    index: grid.querySelector('[data-row="0"]').getAttribute('aria-rowindex'),
    column: grid.querySelector('[data-row="0"] [data-field=amount]').getAttribute('aria-colindex'),
  }));
  equal(told, { rows: '3001', columns: '8', cells: 8, index: '2', column: '4' }, 'what a screen reader is told');
});

await check('Enter edits a cell, Enter saves and goes down, Tab to the right, Escape leaves it as it was', async () => {
  await show('orders');
  await a.click(act.cell(order(1), 'customer'));
  await press('Enter');
  await a.waitFor(hook('cell-editor'));
  await a.page.keyboard.type(' Ltd');
  await press('Enter');
  await atCell(1, 1);
  await act.cellSays(a, order(1), 'customer', 'Müller & Co 0 Ltd');
  // typing begins to edit, in place of what was there
  await a.page.keyboard.type('Typed');
  await press('Tab');
  await atCell(1, 2);
  await act.cellSays(a, order(2), 'customer', 'Typed');
  await a.page.keyboard.type('12.34');
  await press('Enter');
  await act.cellSays(a, order(2), 'amount', '12.34');
  await press('F2');
  await a.page.keyboard.type('999');
  await press('Escape');
  await until('no editor', async () => await a.count(hook('cell-editor')) === 0);
  await a.pillSays('Synced and verified');
  equal((await on('orders', order(1))).customer, 'Müller & Co 0 Ltd', 'on the server');
  equal((await on('orders', order(2))).amount, '12.34', 'on the server');
});

await check('a value that does not fit is said beside its cell, and nothing is saved', async () => {
  await a.click(act.cell(order(5), 'amount'));
  await a.page.keyboard.type('lots');
  await press('Enter');
  await until('the reason', async () => (await a.text(hook('cell-error'))).includes('Not a decimal number'));
  await press('Escape');
  await until('no editor', async () => await a.count(hook('cell-editor')) === 0);
  await atCell(4, 2);
});

await check('Ctrl+Z takes an edit back, Ctrl+Shift+Z does it again', async () => {
  await a.click(act.cell(order(7), 'note'));
  await a.page.keyboard.type('noted');
  await press('Enter');
  await act.cellSays(a, order(7), 'note', 'noted');
  await press('Control+z');
  await act.cellSays(a, order(7), 'note', '');
  await press('Control+Shift+z');
  await act.cellSays(a, order(7), 'note', 'noted');
  await press('Control+z');
  await act.cellSays(a, order(7), 'note', '');
});

await check('dragging over cells marks a range and opens nothing; Ctrl+C and Ctrl+V copy it elsewhere as one step', async () => {
  await show('orders');
  const from = await a.page.locator(act.cell(order(3), 'customer')).boundingBox();
  const to = await a.page.locator(act.cell(order(4), 'amount')).boundingBox();
  await a.page.mouse.move(from.x + 20, from.y + 10);
  await a.page.mouse.down();
  await a.page.mouse.move(to.x + 20, to.y + 10, { steps: 6 });
  await a.page.mouse.up();
  await until('four cells', async () => await a.count('.mooring-in-range') === 4);
  await becomes(() => a.count(hook('record-panel')), 0, 'records opened');
  const before = await Promise.all([3, 4].map(n => a.text(act.cell(order(n), 'customer'))));
  await press('Control+c');
  equal((await a.page.evaluate(() => navigator.clipboard.readText())).split('\n').length, 2, 'lines as a spreadsheet has them');
  await a.click(act.cell(order(11), 'customer'));
  await press('Control+v');
  await act.cellSays(a, order(11), 'customer', before[0]);
  await act.cellSays(a, order(12), 'customer', before[1]);
  await press('Control+z');
  await until('both back', async () => await a.text(act.cell(order(12), 'customer')) !== before[1] && await a.text(act.cell(order(11), 'customer')) !== before[0]);
});

await check('cells of a spreadsheet are pasted; what does not fit changes nothing; beyond the last row it asks', async () => {
  await show('orders');
  await a.page.evaluate(() => navigator.clipboard.writeText('"Quote ""d"""\t1.5\r\nPlain\t2.5\r\n'));
  await a.click(act.cell(order(13), 'customer'));
  await press('Control+v');
  await act.cellSays(a, order(13), 'customer', 'Quote "d"');
  await act.cellSays(a, order(14), 'amount', '2.5');
  await a.page.evaluate(() => navigator.clipboard.writeText('x\tmany'));
  await a.click(act.cell(order(15), 'customer'));
  const was = await a.text(act.cell(order(15), 'customer'));
  await press('Control+v');
  await until('told', async () => (await a.page.locator(hook('toast')).allTextContents()).some(text => text.includes('“many” does not fit into Amount')));
  await becomes(() => a.text(act.cell(order(15), 'customer')), was, 'nothing of it');
  await a.page.evaluate(() => navigator.clipboard.writeText('NEW-1\tOne more\nNEW-2\tAnother\nNEW-3\tThird'));
  await press('Control+End', 'Home');
  await a.waitFor(row(order(ORDERS)));
  await press('Control+v');
  await becomes(() => a.text(`${hook('confirm-dialog')} h1`), 'Add 2 records?', 'the question');
  await a.click(hook('confirm'));
  await count('3,002 records');
  await press('Control+z');
  await count('3,000 records');
});

await check('Ctrl+D fills down, Delete empties', async () => {
  await show('orders');
  await a.click(act.cell(order(21), 'status'));
  const status = await a.text(act.cell(order(21), 'status'));
  await press('Shift+ArrowDown', 'Shift+ArrowDown', 'Control+d');
  await act.cellSays(a, order(23), 'status', status);
  await press('Delete');
  await act.cellSays(a, order(22), 'status', '');
  await press('Control+z');
  await act.cellSays(a, order(22), 'status', status);
  await press('Control+z');
  await until('as it was', async () => await a.text(act.cell(order(22), 'status')) !== status);
});

await check('Space opens the record of the cursor; a row is a link for a tab of its own', async () => {
  await a.click(act.cell(order(9), 'customer'));
  await press('Space');
  await a.waitFor(hook('record-form'));
  const bar = await a.page.evaluate(() => {
    const end = document.querySelector('.mooring-bar').getBoundingClientRect().right;
    return { cut: [...document.querySelectorAll('.mooring-bar-line > *')].filter(one => one.getBoundingClientRect().right > end).length, high: document.querySelector('.mooring-bar-line').getBoundingClientRect().height };
  });
  equal(bar, { cut: 0, high: 48 }, 'the bar beside an open record');
  await a.screenshot('ui/record-open');
  await a.click(hook('close-record'));
  const [tab] = await Promise.all([a.context.waitForEvent('page'), a.page.locator(act.cell(order(9), 'customer')).click({ modifiers: ['ControlOrMeta'] })]);
  await tab.waitForURL(/ORD-000009$/);
  await tab.close();
});

await check('a filter, a sort and a search are in the address: a reload keeps them, Back takes them back', async () => {
  await show('orders');
  await menu('amount', 'sort-down');
  await until('sorted', async () => query() === '?s=-amount');
  await until('largest first', async () => Number(await a.text(`${hook('record-row')}[data-row="0"] ${hook('cell')}[data-field="amount"]`)) > 990);
  await menu('status', 'filter-by');
  await a.fill(hook('condition-value'), 'lost');
  await count(`${ORDERS / 5} of 3,000 records`);
  await a.press('Escape');
  await becomes(() => a.page.locator(hook('chip')).allTextContents(), ['Status contains lost', 'Sorted by Amount ↓'], 'chips');
  await until('in the address', async () => query().includes('f=status.has.lost'));
  const before = await firstKeys(5);
  await a.page.reload();
  await a.waitFor(hook('record-row'));
  await count(`${ORDERS / 5} of 3,000 records`);
  await becomes(() => firstKeys(5), before, 'the same rows after a reload');
  // a record and back, another collection and back
  await a.click(`${hook('record-row')} a`);
  await a.waitFor(hook('record-form'));
  await a.click(hook('close-record'));
  await count(`${ORDERS / 5} of 3,000 records`);
  await a.click(`${hook('chip-remove')}`);
  await count('3,000 records');
  await a.page.goBack();
  await count(`${ORDERS / 5} of 3,000 records`);
});

await check('conditions join by and, by or, and in groups', async () => {
  await show('orders');
  await a.click(hook('filter'));
  await a.click(hook('condition-add'));
  await a.page.locator(hook('condition-field')).selectOption('status');
  await a.fill(hook('condition-value'), 'lost');
  await a.click(hook('group-add'));
  const group = a.page.locator(hook('condition-group'));
  await group.locator(hook('condition-field')).nth(0).selectOption('pieces');
  await group.locator(hook('condition-operator')).nth(0).selectOption('ge');
  await group.locator(hook('condition-value')).nth(0).fill('39');
  await group.locator(hook('condition-field')).nth(1).selectOption('note');
  await group.locator(hook('condition-value')).nth(1).fill('fragile');
  const wanted = Array.from({ length: ORDERS }, (_, i) => i).filter(i => i % 5 === 0 && (i % 40 >= 39 || i % 11 === 0)).length;
  await count(`${wanted} of 3,000 records`);
  await a.page.locator(hook('condition-value')).nth(1).fill('many');
  await until('a wrong value is said', async () => (await a.text(hook('condition-wrong'))).includes('Not a whole number'));
  await a.click(hook('conditions-clear'));
  await count('3,000 records');
  await a.press('Escape');
});

await check('a search finds words in any order and with other accents', async () => {
  await show('orders');
  const all = Object.values((await server.records()).orders);
  await a.fill(hook('search'), 'co muller');
  await count(`${all.filter(one => one.customer.startsWith('Müller')).length} of 3,000 records`);
  const marked = () => a.page.locator('[data-row="0"] [data-field="customer"] mark').allTextContents();
  await becomes(() => marked(), ['Müller', 'Co'], 'what is marked as found');
  await a.fill(hook('search'), 'care fragile');
  await count('273 of 3,000 records');
  await a.page.locator(hook('search')).press('Escape');
  await count('3,000 records');
  await becomes(() => marked(), [], 'what is marked without a search');
});

await check('a save does not move the row under the cursor; it goes where it belongs when the cursor leaves', async () => {
  await show('orders?s=pieces');
  const [key] = await firstKeys(1);
  await a.click(act.cell(key, 'pieces'));
  await a.page.keyboard.type('39');
  await press('Enter');
  await act.cellSays(a, key, 'pieces', '39');
  await a.pillSays('Synced and verified');
  await becomes(async () => (await firstKeys(1))[0], key, 'where it was');
  await press('ArrowDown');
  await until('gone to its place', async () => (await firstKeys(1))[0] !== key);
  await press('Control+z');
});

await check('a tick selects, Shift a range, the heading all that match; a field of all of them is changed, and undone', async () => {
  await show('orders?f=status.is.lost');
  const selected = text => until(text, async () => (await a.count(hook('selected-rows'))) > 0 && (await a.text(hook('selected-rows'))) === text);
  const box = n => a.page.locator(hook('select-row')).nth(n);
  await box(1).click();
  await box(6).click({ modifiers: ['Shift'] });
  await selected('6 selected');
  const high = await a.page.locator(hook('record-row')).nth(1).evaluate(row => row.getBoundingClientRect().height);
  equal(high, 32, 'a ticked row is no higher');
  await a.click(hook('select-all'));
  await selected('600 selected');
  await a.click(hook('edit-selected'));
  await a.page.locator(hook('edit-many-field')).selectOption({ label: 'Note' });
  await a.fill(`${hook('edit-many')} ${hook('field-input')}`, 'all of them');
  await a.click(hook('edit-many-save'));
  await until('noted', async () => (await a.text(`${hook('record-row')}[data-row="3"] ${hook('cell')}[data-field="note"]`)) === 'all of them');
  await a.click(hook('undo'));
  await until('as before', async () => (await a.text(`${hook('record-row')}[data-row="3"] ${hook('cell')}[data-field="note"]`)) !== 'all of them');
  await a.click(hook('delete-selected'));
  await a.click(hook('confirm'));
  await count('0 of 2,400 records');
  await a.click(hook('undo'));
  await count('600 of 3,000 records');
});

await check('columns are hidden, moved, kept in view and made wider', async () => {
  await show('orders');
  const names = () => a.page.locator(hook('heading')).evaluateAll(all => all.map(one => one.dataset.field));
  await menu('note', 'hide');
  await until('hidden', async () => !(await names()).includes('note'));
  await menu('day', 'move-left');
  await until('moved', async () => (await names()).join() === '_key,customer,amount,day,status,pieces');
  await menu('amount', 'pin');
  await until('kept', async () => (await names()).join() === '_key,amount,customer,day,status,pieces');
  const wide = async () => (await a.page.locator(`${hook('heading')}[data-field="customer"]`).boundingBox()).width;
  const before = await wide();
  const edge = await a.page.locator(`${hook('resize')}[data-field="customer"]`).boundingBox();
  await a.page.mouse.move(edge.x + 4, edge.y + 10);
  await a.page.mouse.down();
  await a.page.mouse.move(edge.x + 84, edge.y + 10, { steps: 4 });
  await a.page.mouse.up();
  await until('wider', async () => Math.abs(await wide() - before - 80) <= 1);
  await a.page.reload();
  await a.waitFor(hook('record-row'));
  equal([(await names()).join(), Math.round(await wide() - before)], ['_key,amount,customer,day,status,pieces', 80], 'after a reload');
  // by keys: the menu of the column under the cursor
  await a.click(act.cell(order(1), 'customer'));
  await press('Alt+ArrowDown');
  await a.click(hook('narrower'));
  await until('narrower', async () => Math.round(await wide() - before) === 56);
  await menu('amount', 'pin');
});

await check('a view is kept under a name on this device', async () => {
  await show('orders?f=status.is.lost&s=-amount');
  await a.click(hook('views'));
  await a.click(hook('view-save'));
  await a.fill(hook('view-name'), 'Lost, dearest first');
  await a.click(hook('view-save-confirm'));
  await a.click(hook('views'));
  await a.click(hook('view-all'));
  await count('3,000 records');
  await a.click(hook('views'));
  await a.click(hook('view-saved'));
  await count('600 of 3,000 records');
  equal(query(), '?f=status.is.lost&s=-amount', 'the address');
});

await check('below the grid stand the figures of the column, exact, or of the cells that are marked', async () => {
  await show('orders');
  await a.click(act.cell(order(1), 'pieces'));
  const all = (await server.records()).orders;
  const sum = Object.values(all).reduce((sum, one) => sum + (one.pieces ?? 0), 0);
  await until('the sum', async () => (await a.text(hook('figure-sum'))) === `Sum ${sum.toLocaleString('en')}`);
  await press('Shift+ArrowDown');
  await until('of two', async () => (await a.text(hook('figure-max'))) === 'Max 1');
});

await check('all of sixty fields have columns, and the key stays in view beside them', async () => {
  await other.define('wide', 'Wide', Array.from({ length: 60 }, (_, at) => [`f${at}`, at % 3 ? 'text' : 'integer']));
  for (let key = 1; key <= 3; key += 1) await other.insert('wide', `W${key}`, { f59: 'the last', f1: 'the second' });
  await a.waitFor(`${hook('collection-item')}[data-name="wide"]`);
  await act.showCollection(a, 'wide');
  await a.waitFor(row('W1'));
  truthy(await a.count(hook('heading')) < 30, 'only columns in view are drawn');
  await a.click(act.cell('W1', 'f1'));
  await press('End');
  await a.waitFor(act.cell('W1', 'f59'));
  await until('in view', async () => await a.page.locator(act.cell('W1', 'f59')).evaluate(cell => { const box = cell.getBoundingClientRect(); return box.right <= innerWidth && box.left > 300; }));
  const key = await a.page.locator(`${row('W1')} [data-field="_key"]`).boundingBox();
  const left = (await a.page.locator(grid).boundingBox()).x;
  truthy(key.x >= left && key.x < left + 60, `the key stands at ${key.x - left}`);
});

await check('a new record is shown in its place, and marked, as soon as it is saved', async () => {
  await show('orders');
  await act.fillNew(a, { customer: 'The newest' }, 'ORD-002500-B');
  await a.click(hook('save'));
  await a.waitFor(row('ORD-002500-B'));
  await until('in view and marked', async () => await a.page.locator(`${row('ORD-002500-B')}.mooring-row-on`).isVisible());
  await a.click(hook('close-record'));
});

await check('on a phone there are cards, a bar of two lines, and targets for fingers', async () => {
  await a.page.setViewportSize({ width: 390, height: 844 });
  await show('orders');
  const seen = await a.page.evaluate(() => ({
    bar: document.querySelector('.mooring-bar').getBoundingClientRect().height,
    card: document.querySelector('[data-test=record-row]').getBoundingClientRect().height,
    wide: document.documentElement.scrollWidth - innerWidth,
    small: [...document.querySelectorAll('.mooring-bar :is(button, input)')].filter(one => one.offsetParent && one.getBoundingClientRect().height < 44).map(one => one.dataset.test ?? one.ariaLabel),
  }));
  truthy(seen.bar <= 112, `the bar is ${seen.bar} px high`);
  truthy(seen.card >= 48 && seen.wide <= 0, JSON.stringify(seen));
  equal(seen.small, [], 'small targets');
  await a.click(`${row(order(2))} a`);
  await a.waitFor(hook('record-form'));
  await a.click(hook('close-record'));
  await a.page.setViewportSize(a.viewport);
});

await check('the grid in light and dark, on a desk and on a phone, as axe sees it', async () => {
  await show('orders?f=status.is.lost&s=-amount,customer');
  await look('filtered');
  await show('orders');
  await a.click(act.cell(order(2), 'customer'));
  await press('Shift+ArrowDown', 'Shift+ArrowRight');
  await look('grid');
});

await groups(a, server, other, { press, at, show, menu });

await around(a, other);

await shape(a, other);

await check('no page reported an error of its own', async () => {
  equal(await a.reports(), [], 'errors');
});
await a.close();
await server.kill('SIGTERM');
await end();
