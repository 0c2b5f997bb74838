// Ways around, by a person who knows the keys: through the records of a view, to anything by its name, a deletion taken back,
// what was sent and received, a phone. And two of the five working days: records typed without a mouse, reviews decided by keys.
import { becomes, check, equal, truthy, until } from '../lib/harness.mjs';
import { hook } from '../lib/screens.mjs';
import * as act from '../lib/actions.mjs';
import { closeToasts, toInbox } from '../lib/review.mjs';

const field = name => `[data-field="${name}"]`;
const input = name => `${hook('record-form')} ${hook('field-input')}${field(name)}`;
const row = key => `${hook('record-row')}[data-key="${key}"]`;

export async function ways({ a, server, ann, ben, go, look, says }) {
  const records = async () => (await server.records()).people;
  const press = async (...keys) => { for (const key of keys) await a.press(key); };
  const focused = () => a.page.evaluate(() => document.activeElement.dataset.field ?? document.activeElement.dataset.test ?? document.activeElement.tagName);
  const at = key => until(`the record ${key}`, async () => new URL(a.page.url()).pathname.endsWith(`/r/${key}`));
  const conflict = async (key, email, job) => {
    await ann.edit('people', key, { email: [email, `ann.${key}@boats.example`], ...(job && { job: [job, 'Skipper'] }) }, 120_000);
    await ben.edit('people', key, { email: [email, `ben.${key}@boats.example`], ...(job && { job: [job, 'Office'] }) }, 60_000);
  };

  await check('J and K, Alt and arrows, and the buttons go through the records of the view, sorted and filtered as it is', async () => {
    await go('/c/people?s=-name&f=job.in.Skipper');
    await until('filtered', async () => await a.count(hook('record-row')) > 0 && /^\d+ of /.test(await a.text(hook('record-count'))));
    const keys = await a.page.locator(hook('record-row')).evaluateAll(rows => rows.map(one => one.dataset.key));
    truthy(keys.length >= 3, `skippers: ${keys}`);
    await a.click(act.toRecord(keys[0]));
    await says(hook('record-place'), `1 of ${keys.length}`);
    await until('nothing before the first', () => a.page.locator(hook('record-before')).isDisabled());
    await press('j');
    await at(keys[1]);
    await says(hook('record-place'), `2 of ${keys.length}`);
    truthy(new URL(a.page.url()).search.includes('s=-name'), 'the view is still in the address');
    await a.click(input('email'));
    await press('Alt+ArrowDown');
    await at(keys[2]);
    await press('k');
    await at(keys[1]);
    await a.click(hook('record-next'));
    await at(keys[2]);
    // what is not saved is not left behind unasked
    await a.fill(input('email'), 'half written');
    await press('Alt+ArrowUp');
    await a.waitFor(hook('confirm-dialog'));
    await a.click(hook('confirm'));
    await at(keys[1]);
    // a quick person's keys come before the page is drawn: within one turn of it, here
    const quick = (...all) => a.page.evaluate(all => {
      for (const key of all) document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { ...key, bubbles: true, cancelable: true }));
    }, all);
    await quick({ key: 'k' }, { key: 'j' }, { key: 'j' });
    await at(keys[2]);
    await a.page.locator(hook('record-before')).click();
    await at(keys[1]);
    await a.click(input('email'));
    await quick({ key: 'ArrowUp', altKey: true }, { key: 'j' }, { key: 'j' });
    await at(keys[2]);
    await says(hook('record-place'), `3 of ${keys.length}`);
    await press('Escape');
    await until('closed', async () => await a.count(hook('record-panel')) === 0);
  });

  await check('the panel is as wide as one likes, or a page; a reload keeps it', async () => {
    await go('/c/people/r/1');
    await a.waitFor(hook('record-form'));
    const width = () => a.page.locator(hook('record-panel')).evaluate(panel => Math.round(panel.getBoundingClientRect().width));
    const before = await width();
    await a.page.locator(hook('panel-edge')).focus();
    await press('ArrowLeft', 'ArrowLeft');
    await until(`wider than ${before}`, async () => {
      if (await width() === before + 80) return true;
      throw new Error(`it is ${await width()}`);
    });
    await look('panel');
    await a.page.locator(hook('record-title')).focus();
    await press('Shift+Enter');
    await until('a page', async () => await width() > 1000);
    await a.page.reload();
    await a.waitFor(hook('record-form'));
    await until('a page again', async () => await width() > 1000);
    await look('page', { phone: false });
    await a.click(hook('record-full'));
    await until('beside the records', async () => await width() === before + 80);
  });

  await check('a review is decided in its field: both sides, who, one click or a key; Undo takes it back', async () => {
    await conflict(5, 'sofia.rossi@example.com', 'Deckhand');
    await go('/c/people/r/5');
    await until('two fields', async () => await a.count(hook('field-review')) === 2);
    await look('in-field');
    await a.page.locator(hook('record-title')).focus();
    // the first one by a key, the other one by a click
    await press('2');
    await becomes(() => a.count(hook('field-review')), 2, 'fields shown until all are chosen');
    await a.page.locator(`${hook('field-review')} [aria-pressed="false"]${hook('met-current')}`).last().click();
    await until('decided', async () => await a.count(hook('field-review')) === 0);
    await becomes(() => focused(), 'record-title', 'the focus');
    await a.pillSays('Synced and verified');
    const now = (await records())['5'];
    truthy([`${now.job} ${now.email}`].every(both => ['Skipper ben.5@boats.example', 'Office ann.5@boats.example'].includes(both)), `one of each: ${now.job}, ${now.email}`);
    await a.click(hook('undo'));
    await until('asked again', async () => await a.count(hook('field-review')) === 2);
    await a.click(hook('met-incoming'));
    await a.page.locator(hook('met-incoming')).last().click();
    await a.pillSays('Synced and verified');
    equal((await records())['5'].email, 'ben.5@boats.example', 'decided');
  });

  await check('Ctrl+K: a record of any collection, a collection and an action by their names, without the mouse', async () => {
    const palette = async (text, wanted) => {
      await press('Control+k');
      await a.waitFor(hook('palette'));
      await becomes(() => focused(), 'palette-input', 'the focus');
      await a.type(text);
      await says(`${hook('palette-line')}[aria-selected="true"]`, wanted);
    };
    await go('/review');
    await palette('tomas herr', /Tomás Herrera/);
    await press('Enter');
    await at(6);
    await until('its title', async () => await a.page.title() === 'Tomás Herrera · People · Sample workspace · Mooring');
    await palette('equip', /Equipment/);
    await press('Enter');
    await until('the collection', async () => new URL(a.page.url()).pathname.endsWith('/c/equipment'));
    await press('Control+k');
    await a.waitFor(hook('palette'));
    // what was used last stands first
    await says(`${hook('palette-line')} >> nth=0`, /Tomás Herrera/);
    await look('palette');
    await a.type('new rec');
    await press('Enter');
    await a.waitFor(hook('record-key'));
    await becomes(() => focused(), 'name', 'the first field has the focus');
    await press('Escape');
    await press('Control+k');
    await a.type('nothing of that name');
    await says(hook('palette'), /Nothing of that name/);
    await press('Escape');
    await until('closed', async () => await a.count(hook('palette')) === 0);
  });

  await check('? lists the keys of the screen; the menu of the person has it and the version', async () => {
    await go('/c/people');
    await a.waitFor(row(1));
    await press('Escape', '?');
    await a.waitFor(hook('keys'));
    await until('keys of the grid', async () => (await a.text(hook('keys'))).includes('Fill down'));
    await look('keys');
    await press('Escape');
    await a.click(hook('user-menu'));
    truthy(/Mooring \d+\.\d+\.\d+/.test(await a.page.locator('[role=menu]').textContent()), 'the version');
    await a.click(hook('help'));
    await a.waitFor(hook('keys'));
    await press('Escape');
  });

  await check('a favourite stands first, also after a reload; the workspace opens where one was last', async () => {
    const names = () => a.page.locator(hook('collection-item')).evaluateAll(all => all.map(one => one.dataset.name));
    await becomes(async () => (await names())[0], 'equipment', 'by name at first');
    await a.page.locator('.mooring-nav-collection', { has: a.page.locator('[data-name="people"]') }).hover();
    await a.page.locator('.mooring-nav-collection', { has: a.page.locator('[data-name="people"]') }).locator(hook('favourite')).click();
    await until('first', async () => (await names())[0] === 'people');
    await act.showCollection(a, 'equipment');
    await a.go(act.workspaceUrl(a));
    await until('the last one', async () => new URL(a.page.url()).pathname.endsWith('/c/equipment'));
    await a.waitFor(hook('collection-item'));
    await becomes(async () => (await names())[0], 'people', 'the favourite');
  });

  await check('any deletion is back in two clicks: one in the toast, else “Deleted records” and Restore; several at once', async () => {
    await act.showCollection(a, 'people');
    await a.pillSays('Synced and verified');
    const before = (await records())['9'];
    await act.deleteRecords(a, [9, 10, 11]);
    await a.pillSays('Synced and verified');
    truthy(!('9' in await records()), 'deleted on the server');
    await closeToasts(a);
    await a.click(hook('to-deleted'));
    await a.click(`${hook('deleted-item')}[data-key="9"] ${hook('restore')}`);
    await until('back', async () => '9' in await records());
    equal((await records())['9'], before, 'as it was');
    for (const key of [10, 11]) await a.click(`${hook('deleted-item')}[data-key="${key}"] input`);
    await until('who deleted it', async () => (await a.text(`${hook('deleted-item')}[data-key="10"]`)).includes('You'));
    await look('deleted');
    await a.click(hook('restore-selected'));
    await until('both back', async () => '10' in await records() && '11' in await records());
    await a.click(hook('undo'));
    await until('undone', async () => !('10' in await records()) && !('11' in await records()));
    await act.showCollection(a, 'people');
    await a.click(hook('to-deleted'));
    await a.waitFor(`${hook('deleted-item')}[data-key="11"]`);
  });

  await check('offline it has back what was deleted here, and says what is missing', async () => {
    await act.showCollection(a, 'people');
    await a.offline(true);
    await a.pillSays('Offline');
    await act.deleteRecords(a, [12]);
    await closeToasts(a);
    await a.click(hook('to-deleted'));
    await a.waitFor(hook('deleted-offline'));
    await becomes(() => a.page.locator(hook('deleted-item')).evaluateAll(all => all.map(one => one.dataset.key)), ['12'], 'what is known here');
    await look('deleted-offline');
    await a.click(hook('restore'));
    await act.showCollection(a, 'people');
    await a.waitFor(row(12));
    await a.offline(false);
    await a.pillSays('Synced and verified');
    truthy('12' in await records(), 'there all the time, for the server');
  });

  await check('the log tells what was sent and received, and what came of it; a reload keeps it', async () => {
    await a.click(hook('pill'));
    await a.click(hook('to-activity'));
    await a.waitFor(hook('activity-item'));
    const told = () => a.page.locator(hook('activity-item')).allTextContents();
    const before = await told();
    truthy(before.some(text => /Sent \d+ change/.test(text) && text.includes('People')), `what was sent: ${before}`);
    truthy(before.some(text => /Received \d/.test(text) && /needs? review/.test(text)), `what came: ${before}`);
    await look('activity');
    await a.page.reload();
    await a.waitFor(hook('activity-item'));
    truthy((await told()).length >= before.length, 'as many after a reload');
  });

  await check('on a phone: a mark and a number, the whole sentence below it while offline, the bar at the thumb', async () => {
    await act.showCollection(a, 'people');
    await a.page.setViewportSize({ width: 390, height: 844 });
    await a.offline(true);
    await a.pillSays('Offline');
    await says(hook('status-bar'), 'Offline');
    const targets = await a.page.locator('.mooring-bottom-item').evaluateAll(all => all.map(one => Math.min(one.clientHeight, one.clientWidth)));
    truthy(targets.length === 4 && targets.every(size => size >= 48), `targets of 48 px: ${targets}`);
    await a.click(hook('bottom-search'));
    await a.waitFor(hook('palette'));
    await press('Escape');
    await a.click(hook('bottom-collections'));
    await a.waitFor(hook('nav-scrim'));
    await press('Escape');
    await until('closed', async () => await a.count(hook('nav-scrim')) === 0);
    await a.click(hook('bottom-add'));
    await a.fill(input('name'), 'From the pier');
    await a.click(hook('save'));
    await a.pillSays('Offline, 1 change safe on this device');
    await says(hook('status-bar'), 'Offline, 1 change safe on this device');
    await a.screenshot('record/phone-offline');
    await a.offline(false);
    await a.pillSays('Synced and verified');
    await until('no bar', async () => await a.count(hook('status-bar')) === 0);
    await a.page.setViewportSize(a.viewport);
  });

  await check('a working day at the keyboard: sixty records are typed without the mouse', async () => {
    await go('/c/equipment');
    await a.waitFor(hook('record-row'));
    await press('Escape');
    const start = Date.now();
    const before = Object.keys((await server.records()).equipment).length;
    await press('n');
    for (let n = 1; n <= 60; n += 1) {
      await until('an empty first field', async () => await focused() === 'name' && await a.page.locator(input('name')).inputValue() === '');
      await a.type(`Line ${n}`);
      await press(n < 60 ? 'Control+Enter' : 'Control+s');
    }
    // the mark may still tell of the one before the last
    await becomes(async () => Object.keys((await server.records()).equipment).length - before, 60, 'records on the server');
    const all = (await server.records()).equipment;
    truthy(Object.values(all).some(one => one.name === 'Line 37'), 'as they were typed');
    const took = Date.now() - start;
    truthy(took < 60_000, `it took ${took} ms of the program’s time`);
  });

  await check('printed, a list is all rows of the view with their headings, a record is a page', async () => {
    await go('/c/equipment');
    await a.waitFor(hook('record-row'));
    const rows = Object.keys((await server.records()).equipment).length;
    truthy(await a.count(hook('record-row')) < rows, 'the grid draws only what is in view');
    await a.page.evaluate(() => { window.print = () => { window.printed = document.querySelector('[data-test=print]')?.rows.length; }; });
    await press('Control+p');
    await until('printed', async () => await a.page.evaluate(() => window.printed) === rows + 1);
    await until('gone again', async () => await a.count(hook('print')) === 0);
    await a.page.emulateMedia({ media: 'print' });
    await go('/c/people/r/1');
    await a.waitFor(hook('record-form'));
    const shown = selector => a.page.locator(selector).first().isVisible();
    equal([await shown(hook('record-title')), await shown(hook('nav-review')), await shown(hook('grid')), await shown(hook('save'))], [true, false, false, false], 'what is on the page');
    await a.screenshot('record/print-record');
    await a.page.emulateMedia({ media: null });
  });

  await check('a team lead: forty reviews are decided by keys within a minute', async () => {
    for (let n = 0; n < 40; n += 1) {
      await ann.push({ collection: 'people', key: 200 + n }, { kind: 'insert', fields: { name: `Guest ${n}`, email: 'guest@example.com' } });
      await conflict(200 + n, 'guest@example.com');
    }
    await a.pillSays('Needs review (40)');
    await toInbox(a);
    await until('the list', async () => await a.count(hook('review-item')) === 40);
    await press('j', 'Enter');
    await a.waitFor(hook('review-screen'));
    const start = Date.now();
    for (let left = 40; left > 0; left -= 1) {
      const id = a.page.url();
      await a.waitFor(`${hook('pick-incoming')}`);
      await press('2', 'Enter');
      if (left > 1) await until('the next one', async () => a.page.url() !== id);
    }
    await a.pillSays('Synced and verified');
    const took = Date.now() - start;
    truthy(took < 60_000, `it took ${took} ms`);
    const all = await records();
    equal(Array.from({ length: 40 }, (_, n) => all[200 + n].email), Array.from({ length: 40 }, (_, n) => `ben.${200 + n}@boats.example`), 'decided on the server');
  });
}
