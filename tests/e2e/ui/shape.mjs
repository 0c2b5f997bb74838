// Collections and fields as people change them: names, help, places, options, types, what is asked of values; what is deleted
// comes back; two who change the same are asked. Checks of the suite `ui`.
import fs from 'node:fs';
import path from 'node:path';
import { becomes, check, equal, scratch, truthy, until } from '../lib/harness.mjs';
import { hook } from '../lib/screens.mjs';
import * as act from '../lib/actions.mjs';
import { openReview, pictures } from '../lib/review.mjs';

/** `a`: a browser that has joined; `other`: another device of the same person. */
export async function shape(a, other) {
  const home = act.workspaceUrl(a);
  const field = name => `[data-field="${name}"]`;
  const one = name => `${hook('shape-field')}${field(name)}`;
  const says = (selector, wanted) => until(`"${wanted}" in ${selector}`, async () => {
    const is = await a.text(selector);
    if (is.includes(wanted)) return true;
    throw new Error(`it says "${is}"`);
  });
  const settings = async () => {
    await a.go(`${home}/c/parts/settings`);
    await a.waitFor(hook('settings'));
  };
  const grid = async () => {
    await a.go(`${home}/c/parts`);
    await a.waitFor(hook('record-row'));
  };
  const edit = async name => {
    await a.click(`${one(name)} ${hook('field-edit')}`);
    await a.waitFor(hook('field-editor'));
  };
  const save = async ({ weighed = false } = {}) => {
    await a.click(hook('editor-save'));
    if (weighed) await a.click(hook('confirm'));
    await until('the editor closed', async () => await a.count(hook('field-editor')) === 0);
  };
  const labels = () => a.page.locator(hook('shape-label')).allTextContents();
  const record = async key => (await other.records()).parts[JSON.stringify(key)];
  const error = name => a.text(`.mooring-field:has(${field(name)}) ${hook('field-error')}`);
  const look = (name, ready) => pictures(a, name, { folder: 'ui', ready, each: true });

  await check('a field is renamed without a network while another device gives it values; both hold', async () => {
    await other.define('parts', 'Parts', [['code', 'text'], ['note', 'text'], ['price', 'text']]);
    for (const [key, price] of [['P1', '12.50'], ['P2', '7'], ['P3', 'on request'], ['P4', 'ca. 9'], ['P5', '1,000 EUR']]) {
      await other.insert('parts', key, { code: `C-${key}`, price });
    }
    await a.waitFor(`${hook('collection-item')}[data-name="parts"]`);
    await settings();
    await edit('note');
    await a.offline(true);
    await a.fill(hook('editor-label'), 'Remark');
    await a.fill(hook('editor-help'), 'What whoever fetches it has to know');
    await save();
    await says(`${one('note')} ${hook('shape-label')}`, 'Remark');
    await other.patch('parts', 'P1', { note: [undefined, 'behind the door'] });
    await a.offline(false);
    await a.pillSays('Synced and verified');
    await grid();
    await act.cellSays(a, 'P1', 'note', 'behind the door');
    await a.click(act.toRecord('P1'));
    await says(`.mooring-field:has(${field('note')})`, 'What whoever fetches it has to know');
    await a.click(hook('close-record'));
  });

  await check('fields have their order, and the heading of a column leads to its field', async () => {
    await a.click(`${hook('heading')}${field('price')} button`);
    await a.click(hook('edit-field'));
    await a.waitFor(`${hook('field-editor')}${field('price')}`);
    await a.click(hook('editor-cancel'));
    await a.click(`${one('price')} ${hook('field-up')}`);
    await until('moved', async () => (await labels()).join() === 'Code,Price,Remark');
  });

  await check('a field is deleted, its values stay, and it is restored', async () => {
    await settings();
    await edit('note');
    await a.click(hook('field-delete'));
    await until('gone from the list', async () => await a.count(one('note')) === 0);
    await grid();
    await becomes(() => a.count(`${hook('heading')}${field('note')}`), 0, 'columns of it');
    equal((await record('P1')).note, 'behind the door', 'what the record keeps');
    await settings();
    await a.click(`${hook('deleted-field')}${field('note')} ${hook('field-restore')}`);
    await a.waitFor(one('note'));
    await grid();
    await act.cellSays(a, 'P1', 'note', 'behind the door');
  });

  await check('two names at once are a review with both of them', async () => {
    await a.pillSays('Synced and verified');
    await settings();
    await edit('code');
    await other.patch('_fields', 'parts.code', { label: ['Code', 'Part number'] });
    await a.fill(hook('editor-label'), 'Article');
    await save();
    await openReview(a, 'parts.code');
    const told = await a.text(`${hook('review-field')}${field('label')}`);
    truthy(told.includes('Part number') && told.includes('Article') && told.includes('Name'), told);
    await a.press('2');
    await a.click(hook('resolve'));
    await a.pillSays('Synced and verified');
    await settings();
    await says(`${one('code')} ${hook('shape-label')}`, 'Article');
  });

  await check('another type is counted first: what does not fit is named, and Undo brings it back', async () => {
    await settings();
    await edit('price');
    await a.choose(hook('editor-type'), 'Decimal number');
    await a.click(hook('editor-save'));
    await says(hook('weighed-unfit'), '3 values do not fit into this type, and are emptied.');
    const named = await a.page.locator(hook('weighed-sample')).allTextContents();
    equal(named.map(text => text.split(':')[0]), ['C-P3', 'C-P4', 'C-P5'], 'the records with them');
    await look('retype', hook('weighed-unfit'));
    await a.click(hook('confirm'));
    await until('the editor closed', async () => await a.count(hook('field-editor')) === 0);
    await says(one('price'), 'Decimal number');
    await a.click(`${hook('toast')} button:has-text("Undo")`);
    await says(one('price'), 'Text');
    await until('its values are back', async () => (await record('P4')).price === 'ca. 9');
  });

  await check('what a field asks is held in the form, the grid, a paste and an import', async () => {
    await settings();
    await edit('code');
    await a.click(hook('editor-required'));
    await a.click(hook('editor-unique'));
    await save({ weighed: true });
    await grid();
    await a.click(hook('new-record'));
    await a.fill(`${hook('field-input')}${field('note')}`, 'no code');
    await a.click(hook('save'));
    await becomes(() => error('code'), 'It has to be filled in.', 'in the form');
    await a.fill(`${hook('field-input')}${field('code')}`, 'C-P1');
    await a.click(hook('save'));
    await until('refused', async () => (await error('code')).includes('“C-P1” is in another record already'));
    await a.click(hook('cancel-record'));
    await a.click(hook('confirm'));
    await a.click(act.cell('P2', 'code'));
    await a.press('Enter');
    await a.press('Control+a');
    await a.press('Delete');
    await a.press('Enter');
    await says(hook('cell-error'), 'It has to be filled in.');
    await a.press('Escape');
    await a.page.evaluate(() => navigator.clipboard.writeText('C-P1'));
    await a.press('Control+v');
    await says(hook('toast'), '“C-P1” is in another record already');
    equal((await record('P2')).code, 'C-P2', 'what is kept');
    const file = path.join(scratch, 'parts.csv');
    fs.writeFileSync(file, 'Article,Remark\nC-NEW,fine\n,without\nC-P1,twice\n');
    await a.go(`${home}/import`);
    await a.waitFor(hook('import-file'));
    await a.upload(hook('import-file'), file);
    await a.waitFor(hook('import-start'));
    await a.choose(hook('import-into'), 'Parts');
    await says('main', 'Article: It has to be filled in.');
    await says('main', '“C-P1” is in another record already');
  });

  await check('options have colours, get another name in every record, and stay where they were removed', async () => {
    await settings();
    await edit('note');
    await a.choose(hook('editor-type'), 'Choice');
    await a.click(hook('option-add'));
    await a.fill(hook('option-text'), 'behind the door');
    await a.choose(hook('option-colour'), 'green');
    await look('options', hook('option-text'));
    await save({ weighed: true });
    await edit('note');
    await a.fill(hook('option-text'), 'on the shelf');
    await save({ weighed: true });
    await until('renamed in the record', async () => (await record('P1')).note === 'on the shelf');
    await look('settings', hook('settings'));
  });

  await check('a collection is described, copied, deleted and restored', async () => {
    await settings();
    await a.fill(hook('about-help'), 'What is in stock');
    await a.click(hook('about-save'));
    await a.click(hook('collection-duplicate'));
    await a.waitFor(`${hook('collection-item')}[data-name="copy_of_parts"]`);
    await settings();
    await a.click(hook('collection-delete'));
    await a.click(hook('confirm'));
    await until('out of sight', async () => await a.count(`${hook('collection-item')}[data-name="parts"]`) === 0);
    await a.go(`${home}/c/parts`);
    await a.click(hook('to-deleted'));
    await a.click(`${hook('deleted-collection')} ${hook('collection-restore')}`);
    await a.waitFor(hook('record-row'));
    await act.cellSays(a, 'P1', 'note', 'on the shelf');
  });
}
