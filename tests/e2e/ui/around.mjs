// What is found and listed around the grid: dates as they are shown, the palette's settings, deleted records as they come and
// go, values that are there twice. Checks of the suite `ui`.
import { becomes, check, equal, until } from '../lib/harness.mjs';
import { hook } from '../lib/screens.mjs';
import * as act from '../lib/actions.mjs';
import { pictures } from '../lib/review.mjs';

/** `a`: a browser that has joined; `other`: another device of the same person. */
export async function around(a, other) {
  const home = act.workspaceUrl(a);
  const keys = selector => a.page.locator(selector).evaluateAll(all => all.map(one => one.dataset.key).sort());
  const listed = (selector, wanted) => until(`${wanted} in ${selector}`, async () => {
    const now = await keys(selector);
    if (now.join() === wanted.join()) return true;
    throw new Error(`there are ${now}`);
  });

  await check('a search finds dates and numbers as they are shown', async () => {
    await other.define('trips', 'Trips', [['to', 'text'], ['day', 'date'], ['at', 'date_time'], ['price', 'decimal']]);
    await other.insert('trips', 'T1', { to: 'Bergen', day: '2012-02-06', at: '2012-06-15T12:00:00Z', price: '1482.50' });
    await other.insert('trips', 'T2', { to: 'Turku', day: '2012-03-16', at: '2012-06-15T12:00:00Z', price: '1482.75' });
    await other.insert('trips', 'T3', { to: 'Riga', day: '2013-05-06', at: '2013-07-15T12:00:00Z', price: '20' });
    await a.waitFor(`${hook('collection-item')}[data-name="trips"]`);
    await a.go(`${home}/c/trips`);
    await listed(hook('record-row'), ['T1', 'T2', 'T3']);
    const shown = key => a.text(act.cell(key, 'day'));
    for (const [search, wanted] of [['feb', ['T1']], [await shown('T2'), ['T2']], ['jun', ['T1', 'T2']], ['1,482.50', ['T1']], ['1,482', ['T1', 'T2']], ['2012-02-06', ['T1']]]) {
      await a.fill(hook('search'), search);
      await listed(hook('record-row'), wanted);
    }
    await a.fill(hook('search'), 'feb');
    await listed(hook('record-row'), ['T1']);
    await until('it is marked', async () => (await a.page.locator(`${act.cell('T1', 'day')} mark`).allTextContents()).join() === 'Feb');
    await a.page.locator(hook('search')).press('Escape');
  });

  await check('Ctrl+K leads to members, invitations, the account and both settings', async () => {
    for (const [text, address] of [['members', /\/settings$/], ['invit', /\/settings$/], ['password', /\/account$/], ['collection sett', /\/c\/trips\/settings$/]]) {
      await a.go(`${home}/c/trips`);
      await a.waitFor(hook('record-row'));
      await a.press('Control+k');
      await a.fill(hook('palette-input'), text);
      await a.waitFor(hook('palette-line'));
      await a.press('Enter');
      await until(`${text} leads to ${address}`, () => address.test(new URL(a.page.url()).pathname));
      // its part of the program has come: nothing is broken off by going on
      await until('the screen', async () => await a.count('.mooring-coming') === 0 && await a.count('main h1') > 0);
    }
  });

  await check('deleted records come and go in their list as others delete and restore them', async () => {
    await a.go(`${home}/c/trips/deleted`);
    await a.waitFor(hook('deleted-empty'));
    const fields = (await other.records()).trips['"T3"'];
    await other.remove('trips', 'T3', fields);
    await listed(hook('deleted-item'), ['T3']);
    await other.insert('trips', 'T3', fields);
    await a.waitFor(hook('deleted-empty'));
  });

  await check('values that are there twice are listed from the settings, and leave the list as they are mended', async () => {
    await other.define('badges', 'Badges', [['code', 'text', { unique: true }], ['name', 'text']]);
    for (const [key, code] of [['B1', 'X-1'], ['B2', 'X-2'], ['B3', 'X-1'], ['B4', 'X-3'], ['B5', 'X-3']]) await other.insert('badges', key, { code, name: `Badge ${key}` });
    await a.waitFor(`${hook('collection-item')}[data-name="badges"]`);
    await a.go(`${home}/c/badges/settings`);
    await a.click(hook('to-twice'));
    const values = () => a.page.locator(hook('twice-value')).evaluateAll(all => all.map(one => [one.querySelector('strong').textContent, ...[...one.querySelectorAll('a')].map(link => new URL(link.href).pathname.split('/').at(-1))].join(' ')));
    const are = wanted => until(wanted.join(), async () => {
      const now = await values();
      if (now.join() === wanted.join()) return true;
      throw new Error(`there are ${now}`);
    });
    await are(['X-1 B1 B3', 'X-3 B4 B5']);
    await pictures(a, 'twice', { folder: 'ui', ready: hook('twice-value') });
    await other.patch('badges', 'B5', { code: ['X-3', 'X-4'] });
    await are(['X-1 B1 B3']);
    await a.page.locator(hook('twice-record')).last().click();
    await a.waitFor(hook('record-form'));
    await a.fill(`${hook('field-input')}[data-field="code"]`, 'X-5');
    await a.click(hook('save'));
    await a.pillSays('Synced and verified');
    await a.go(`${home}/c/badges/twice/code`);
    await a.waitFor(hook('twice-none'));
  });

  await check('two fields of one name: the new collection says so at the field, in view, and goes on once it is mended', async () => {
    await a.page.setViewportSize({ width: 1440, height: 600 });
    await a.go(`${home}/new-collection`);
    await a.fill(hook('collection-label'), 'Boxes');
    const label = at => a.page.locator(hook('field-label')).nth(at);
    await label(0).fill('Weight');
    for (const at of [1, 2, 3]) {
      await a.click(hook('another-field'));
      await label(at).fill(at === 3 ? 'Weight' : `Size ${at}`);
    }
    await a.click(hook('collection-create'));
    const wrong = a.page.locator(`${hook('field-label')}[aria-invalid=true]`);
    await until('the focus is in a field that is wrong, in view', () => wrong.evaluateAll(all => all.some(one => { const box = one.getBoundingClientRect(); return one === document.activeElement && box.top >= 0 && box.bottom <= innerHeight; })));
    await label(3).fill('Height');
    await a.click(hook('collection-create'));
    await a.waitFor(`${hook('collection-item')}[data-name="boxes"]`);
    await a.page.setViewportSize(a.viewport);
  });

  await check('a view is shared, reaches others and comes from them; Undo has it back', async () => {
    const shared = async () => Object.values((await other.records())._views ?? {});
    await a.go(`${home}/c/badges?s=-code`);
    await a.waitFor(hook('record-row'));
    await a.click(hook('views'));
    await a.click(hook('view-save'));
    await a.fill(hook('view-name'), 'Last badge first');
    await a.page.locator(hook('view-for-all')).check();
    await a.click(hook('view-save-confirm'));
    await until('on the server', async () => (await shared()).length === 1);
    const [view] = await shared();
    equal([view.collection, view.name, view.query], ['badges', 'Last badge first', 's=-code'], 'the record');
    await until('it is the one that is shown', async () => (await a.text(hook('views'))).includes('Last badge first'));
    await other.insert('_views', '0190-theirs', { collection: 'badges', name: 'Only X-1', query: 'f=code.is.X-1', user: other.user.id });
    await a.click(hook('views'));
    await until('both are listed', async () => (await a.page.locator(hook('view-shared')).allTextContents()).map(text => text.trim()).join() === 'Last badge first,Only X-1');
    await a.page.locator(hook('view-shared')).nth(1).click();
    await listed(hook('record-row'), ['B1']);
    await a.click(hook('views'));
    await a.click(hook('view-unshare'));
    await until('removed for everybody', async () => (await shared()).length === 1);
    await a.click(hook('undo'));
    await until('back', async () => (await shared()).length === 2);
    // of another collection they are not
    await a.go(`${home}/c/trips`);
    await a.waitFor(hook('record-row'));
    await a.click(hook('views'));
    await a.waitFor(hook('view-all'));
    await becomes(() => a.count(hook('view-shared')), 0, 'views of another collection');
    await a.press('Escape');
  });

  await check('formats: money, percent, stars, addresses that can be written to, and what is none is refused; an icon', async () => {
    await other.define('deals', 'Deals', [['who', 'text', { format: 'email' }], ['page', 'text'], ['sum', 'decimal', { format: 'currency EUR' }], ['share', 'integer', { format: 'percent' }], ['stars', 'integer', { format: 'rating' }], ['took', 'integer', { format: 'duration' }], ['kind', 'text', { format: 'of a later version' }]]);
    await other.insert('deals', 'D1', { who: 'mia@example.org', page: 'not yet', sum: '1482.50', share: 45, stars: 3, took: 5400, kind: 'x' });
    await other.insert('deals', 'D2', { who: 'noa@example.org', sum: '20', share: 5, stars: 5, took: 61, kind: 'y' });
    await a.waitFor(`${hook('collection-item')}[data-name="deals"]`);
    await a.go(`${home}/c/deals?g=kind`);
    await a.waitFor(act.cell('D1', 'sum'));
    const text = async field => (await a.text(act.cell('D1', field))).replaceAll('\u2007', '').replaceAll('\u2008', '').trim();
    equal([await text('sum'), await text('share'), await text('stars'), await text('took')], ['1,482.50\u00a0€', '45\u00a0%', '★★★☆☆', '1:30:00'], 'as it is shown');
    await becomes(() => a.page.locator(`${hook('group-row')} [data-field="sum"]`).allTextContents().then(all => all.map(one => one.trim())), ['1,482.50\u00a0€', '20\u00a0€'], 'sums of groups');
    await pictures(a, 'formats', { folder: 'ui', ready: hook('group-row') });
    await becomes(() => a.page.locator(`${hook('group-row')} [data-field="took"]`).allTextContents().then(all => all.map(one => one.trim())), ['1:30:00', '0:01:01'], 'sums of durations');
    await a.go(`${home}/c/deals/settings/page`);
    await a.waitFor(hook('field-editor'));
    await a.choose(hook('editor-format'), 'Address of a page');
    await a.click(hook('editor-save'));
    await a.click(hook('confirm'));
    await until('the editor closed', async () => await a.count(hook('field-editor')) === 0);
    await a.page.locator(`${hook('about-icon')}[data-name="cart"]`).click();
    await pictures(a, 'icons', { folder: 'ui', ready: hook('about-icon') });
    await a.click(hook('about-save'));
    await a.waitFor(`${hook('collection-item')}[data-name="deals"] svg`);
    await a.pillSays('Synced and verified');
    const { _fields, _collections } = await other.records();
    equal([_fields['"deals.page"'].format, _fields['"deals.kind"'].format, _collections['"deals"'].icon], ['link', 'of a later version', 'cart'], 'as it is kept');
    await a.go(`${home}/c/deals/r/D2`);
    await a.waitFor(hook('record-form'));
    const input = `${hook('field-input')}[data-field="page"]`;
    await a.fill(input, 'example');
    await a.click(hook('save'));
    await until('refused', async () => (await a.page.locator(hook('field-error')).allTextContents()).join().includes('Write the address of a page'));
    await a.fill(input, 'https://example.org/d2');
    const took = `${hook('field-input')}[data-field="took"]`;
    await becomes(() => a.page.locator(took).inputValue(), '0:01:01', 'a duration as it is written');
    await a.fill(took, 'a while');
    await a.click(hook('save'));
    await until('refused', async () => (await a.page.locator(hook('field-error')).allTextContents()).join().includes('write it as 1:30:00 or 1h 30m'));
    await a.fill(took, '2h 5m');
    await becomes(() => a.page.locator(`${hook('field-way')}`).evaluateAll(all => all.map(one => [one.href, one.rel])), [['mailto:noa@example.org', 'noopener noreferrer'], ['https://example.org/d2', 'noopener noreferrer']], 'where they lead');
    await a.click(hook('save'));
    await a.pillSays('Synced and verified');
    const { page, took: seconds } = (await other.records()).deals['"D2"'];
    equal([page, seconds], ['https://example.org/d2', 7500], 'saved as it was written, a duration in seconds');
  });
}
