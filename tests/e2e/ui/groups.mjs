// Rows in groups: headings with their values, counts and sums, folded and shown again by the mouse and by keys; in the
// address; live. Checks of the suite `ui`.
import { becomes, check, equal, truthy, until } from '../lib/harness.mjs';
import { hook } from '../lib/screens.mjs';
import * as act from '../lib/actions.mjs';
import { pictures } from '../lib/review.mjs';

/** `a`: a browser with thousands of orders; `other`: another device of the server's; `press`, `at`, `show`, `menu`: what the suite does with them. */
export async function groups(a, server, other, { press, at, show, menu }) {
  const all = async () => Object.values((await server.records()).orders);
  const headings = () => a.page.locator(hook('group-row')).evaluateAll(all => all.map(one => ({
    value: one.querySelector('[data-test=group-value]').textContent,
    rows: one.querySelector('[data-test=group-count]').firstChild.data,
    open: one.querySelector('[aria-expanded]').ariaExpanded,
  })));
  const told = wanted => until(JSON.stringify(wanted), async () => {
    const now = await headings();
    if (JSON.stringify(now) === JSON.stringify(wanted)) return true;
    throw new Error(`there are ${JSON.stringify(now)}`);
  });
  const heading = value => `${hook('group-row')}:has([data-test=group-value]:text-is("${value}"))`;
  const of = (orders, status) => orders.filter(one => (one.status ?? '') === status);
  const number = n => n.toLocaleString('en');

  await check('a heading\'s menu groups rows: each group has its value, its count and its sums, and the address has it', async () => {
    await show('orders');
    await menu('status', 'group-by');
    await a.pillSays('Synced and verified');
    const orders = await all();
    const lost = of(orders, 'lost');
    await until('the first group', async () => (await headings())[0]?.value === 'lost');
    await told([{ value: 'lost', rows: number(lost.length), open: 'true' }]);
    const pieces = lost.reduce((sum, one) => sum + (one.pieces ?? 0), 0);
    const cents = lost.reduce((sum, one) => sum + Math.round(Number(one.amount ?? 0) * 100), 0);
    const sum = async field => (await a.text(`${heading('lost')} [data-field="${field}"]`)).trim();
    await becomes(() => sum('pieces'), number(pieces), 'the sum of whole numbers');
    await becomes(() => sum('amount'), (cents / 100).toLocaleString('en', { minimumFractionDigits: 2 }), 'the sum of decimals, exact');
    equal(new URL(a.page.url()).search, '?g=status', 'the address');
    await becomes(() => a.page.locator(hook('chip')).allTextContents(), ['Grouped by Status'], 'chips');
    truthy(await a.count(hook('record-row')) < 80, 'only rows in view are drawn');
    const high = await a.page.locator(hook('grid')).evaluate(grid => grid.scrollHeight);
    const kinds = new Set(orders.map(one => one.status ?? '')).size;
    equal(high, (orders.length + kinds) * 32 + 34, 'the scroll bar has all rows and headings');
  });

  await check('by keys a group is folded and shown again; the window goes on behind it', async () => {
    await a.page.locator(heading('lost')).click();
    await until('folded', async () => (await headings())[0].open === 'false');
    await until('the next group', async () => (await headings())[1]?.value === 'new');
    await becomes(() => at(), [0, 0], 'the cursor is on the heading');
    await press('ArrowDown', 'Enter');
    await until('two are folded', async () => (await headings()).slice(0, 2).every(one => one.open === 'false'));
    const rows = () => a.page.locator(`${hook('record-row')} [data-field="status"]`).allTextContents();
    await until('rows of the third', async () => { const all = await rows(); return all.length > 9 && all.every(text => text === 'packed'); });
    await press('ArrowRight');
    await until('shown again', async () => (await headings())[1].open === 'true');
    await until('its rows', async () => (await rows())[0] === 'new');
    await press('ArrowDown');
    // a row between: the record opens with the next one of the view
    await press('Space');
    await a.waitFor(hook('record-form'));
    await until('the first that is not folded', async () => (await a.text(hook('record-place'))).startsWith('1 of '));
    await a.click(hook('close-record'));
  });

  await check('all groups fold at once; another device\'s edit moves a row from one count to the other', async () => {
    await a.click(hook('group'));
    await a.click(hook('groups-fold'));
    await a.press('Escape');
    const orders = await all();
    const counts = (lost, sent) => ['lost', 'new', 'packed', 'paid', 'sent'].map(value => ({
      value, rows: number(of(orders, value).length + (value === 'lost' ? lost : value === 'sent' ? sent : 0)), open: 'false',
    })).concat(of(orders, '').length ? [{ value: 'No Status', rows: number(of(orders, '').length), open: 'false' }] : []);
    await told(counts(0, 0));
    const key = Object.entries((await server.records()).orders).find(([, one]) => one.status === 'lost')[0];
    await other.patch('orders', JSON.parse(key), { status: ['lost', 'sent'] });
    await told(counts(-1, 1));
    await other.patch('orders', JSON.parse(key), { status: ['sent', 'lost'] });
    await told(counts(0, 0));
    await a.click(hook('group'));
    await a.click(hook('groups-unfold'));
    await a.press('Escape');
  });

  await check('in groups rows are edited, copied and selected as ever, whatever headings stand between', async () => {
    await show('orders?g=pieces&s=_key');
    await a.waitFor(`${hook('record-row')}[data-row="1"]`);
    const text = line => a.text(`${hook('record-row')}[data-row="${line}"] [data-field="customer"]`);
    const group = (await all()).filter(one => one.pieces === 0).length;
    await a.page.locator(hook('grid')).evaluate((grid, top) => { grid.scrollTop = top; }, (group - 3) * 32);
    await a.waitFor(`${hook('record-row')}[data-row="${group + 2}"]`);
    await a.click(`${hook('record-row')}[data-row="${group}"] [data-field="customer"]`);
    await press('Shift+ArrowDown', 'Shift+ArrowDown', 'Control+c');
    const copied = (await a.page.evaluate(() => navigator.clipboard.readText())).trim().split('\n').map(line => line.trim());
    equal(copied, [await text(group), await text(group + 2)], 'the last row of a group and the first of the next');
    await a.click(`${hook('record-row')}[data-row="${group}"] ${hook('select-row')}`);
    await a.page.locator(`${hook('record-row')}[data-row="${group + 2}"] ${hook('select-row')}`).click({ modifiers: ['Shift'] });
    await until('two', async () => (await a.text(hook('selected-rows'))) === '2 selected');
    await a.click(hook('select-none'));
  });

  await check('a view keeps its groups; grouping ends in the same menu; pictures', async () => {
    await show('orders?g=-status&s=-amount');
    await until('largest first', async () => (await headings())[0].value !== 'lost');
    await pictures(a, 'groups', { folder: 'ui', ready: hook('group-row') });
    await menu('status', 'group-by');
    await until('no groups', async () => await a.count(hook('group-value')) === 0);
  });
}
