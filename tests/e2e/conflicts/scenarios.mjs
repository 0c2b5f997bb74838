// What people meet most, as a table. In each: what Ann and Ben save in their browsers while neither has a network (Ann's
// reaches the server first), what needs a decision and with which words, who decides where, and what every screen and the
// server must hold then. `ask`: the two sides per field. `merged`: what the list of automatic merges says. `holds`:
// what differs from the record as it was; `twin`: the same for the record beside it. `{ann}` stands for Ann’s browser as
// each screen calls it.
// `preview`: what the preview says besides the values; `from`: the fields of which it says where they are from.
// A scenario that goes another way says so in a function: `decided` instead of a decision, `then` after it.
import { becomes, until } from '../lib/harness.mjs';
import { hook } from '../lib/screens.mjs';
import { field, gone, item, openReview, says, toInbox } from '../lib/review.mjs';
import { WHOLE, awaits, edit, holds, openHistory, openMerges, openRecord, pick, save, settledSays, told } from './play.mjs';
import { DELETED } from './ledger.mjs';

/** Every record at first. */
export const FIRST = {
  phone: '+49 40 555 0100', city: 'Hamburg', email: 'desk@acme.example', notes: 'Ask for Marta at the gate before nine and bring the signed papers',
  visits: 4, tags: ['charter', 'north'], status: 'open', owner: 'Jonas',
};

const calls = { ann: '+49 40 555 0199', ben: '+49 40 777 0100' };
/** Of a text, screens show the words that came beside those that went. */
const words = { ann: '0199', ben: '777' };
const both = { ann: [{ phone: calls.ann }], ben: [{ phone: calls.ben }], ask: { phone: [words.ann, words.ben] } };

/** The network is back, and the person does not wait for the next try. */
async function backOnline(desk) {
  // opened first: the pill changes its size as soon as there is a network
  await desk.click(hook('pill'));
  await desk.offline(false);
  await desk.click(hook('sync-now'));
  await desk.click(hook('pill'));
}

export const scenarios = [
  {
    name: 'the same field: the desktop keeps what is in the record',
    ...both,
    on: 'desk', picks: { phone: 'current' }, button: 'Keep the phone number from {ann}',
    how: '{carl} decided: keep what came from {ann}',
    holds: { phone: calls.ann },
  },
  {
    name: 'the same field: Ann takes the other change',
    ...both,
    on: 'ann', picks: { phone: 'incoming' }, button: 'Take the phone number from {ben}',
    how: '{ann} decided: take the change from {ben}',
    holds: { phone: calls.ben },
  },
  {
    name: 'the same field: Ben writes a value of his own',
    ...both,
    on: 'ben', picks: { phone: { own: '+49 40 900 0000' } }, button: 'Save the phone number as you wrote it',
    how: '{ben} decided: write other values',
    holds: { phone: '+49 40 900 0000' },
  },
  {
    name: 'several fields: one from each and one written anew; what only one side changed comes along',
    ann: [{ phone: calls.ann, city: 'Bremen', name: 'Dock North' }],
    ben: [{ phone: calls.ben, city: 'Kiel', name: 'Dock & Sisters', email: 'ben@acme.example' }],
    ask: { phone: [words.ann, words.ben], city: ['Bremen', 'Kiel'], name: ['North', 'Sisters'] },
    on: 'desk', picks: { phone: 'incoming', city: 'current', name: { own: 'Dock & Daughters' } }, button: 'Save these 3 choices',
    how: 'some of the values, and others written anew',
    holds: { phone: calls.ben, city: 'Bremen', name: 'Dock & Daughters', email: 'ben@acme.example' },
  },
  {
    name: 'different fields: both are kept, nobody is asked',
    ann: [{ phone: calls.ann }], ben: [{ city: 'Kiel' }],
    holds: { phone: calls.ann, city: 'Kiel' },
  },
  {
    name: 'the same value twice: nobody is asked',
    ann: [{ phone: calls.ann }], ben: [{ phone: calls.ann }],
    holds: { phone: calls.ann },
  },
  {
    name: 'a long text, different words: merged, listed, and used otherwise from the desktop',
    ann: [{ notes: FIRST.notes.replace('Marta', 'Jonas') }], ben: [{ notes: FIRST.notes.replace('nine', 'ten') }],
    merged: { notes: ['Both texts were merged', 'Ask for Jonas', 'before ten', 'Ask for Jonas at the gate before ten'] },
    holds: { notes: 'Ask for Jonas at the gate before ten and bring the signed papers' },
    then: async (stage, key) => {
      const { desk, ledger, all } = stage;
      const notes = `${hook('merge-item')}[data-key="${key}"] ${hook('met')}[data-field="notes"]`;
      await openMerges(desk);
      await stage.look(desk, 'merges');
      await desk.click(`${notes} ${hook('use-current')}`);
      await says(desk, `${notes} ${hook('met-now')}`, 'The record has “Ask for Jonas at the gate before nine');
      const wanted = FIRST.notes.replace('Marta', 'Jonas');
      ledger.saved('carl', key, { notes: wanted });
      await holds(stage, key, { notes: wanted });
    },
  },
  {
    name: 'a long text, the same words: a person decides',
    ann: [{ notes: FIRST.notes.replace('nine', 'eight') }], ben: [{ notes: FIRST.notes.replace('nine', 'seven') }],
    ask: { notes: ['eight', 'seven'] },
    on: 'ben', picks: { notes: 'incoming' }, button: 'Take the notes from {ben}',
    how: 'take the change from',
    holds: { notes: FIRST.notes.replace('nine', 'seven') },
  },
  {
    name: 'a counter and tags: what both added counts',
    ann: [{ visits: 6, tags: ['charter', 'north', 'priority'] }], ben: [{ visits: 7, tags: ['charter', 'winter'] }],
    merged: { visits: ['Both were added up', '6', '7', '9'], tags: ['Both were united', 'priority', 'winter', 'charterprioritywinter'] },
    holds: { visits: 9, tags: ['charter', 'priority', 'winter'] },
  },
  {
    name: 'the last edit counts, though the other arrives later; the record says why',
    earlier: 'ben',
    ann: [{ status: 'paid' }], ben: [{ status: 'late' }],
    merged: { status: ['The last edit counted', 'paid', 'late', 'paid'] },
    holds: { status: 'paid' },
    then: async (stage, key) => {
      const { ben } = stage;
      await openRecord(ben, key);
      const note = `${hook('field-note')}[data-field="status"]`;
      await ben.page.locator(`${hook('field-input')}[data-field="status"]`).focus();
      await says(ben, note, 'Ann Berg');
      await ben.click(note);
      await says(ben, hook('field-note-details'), 'As this field says: the last edit counts');
      await ben.click(hook('close-record'));
    },
  },
  {
    name: 'the first edit counts',
    ann: [{ owner: 'Marta' }], ben: [{ owner: 'Piet' }],
    merged: { owner: ['The first edit counted', 'Marta', 'Piet', 'Marta'] },
    holds: { owner: 'Marta' },
  },
  {
    name: 'an edit of what was deleted: the desktop restores it',
    ann: [DELETED], ben: [{ phone: calls.ben }],
    ask: { [WHOLE]: ['deleted', words.ben] }, between: ['Deleted on', 'edited on'],
    on: 'desk', picks: { [WHOLE]: 'incoming' }, button: 'Restore it with the edit from {ben}',
    preview: 'All other fields come back as they were.',
    how: 'restore it with the edit from {ben}',
    holds: { phone: calls.ben },
  },
  {
    name: 'an edit of what was deleted: Ben leaves it deleted',
    ann: [DELETED], ben: [{ phone: calls.ben }],
    ask: { [WHOLE]: ['deleted', words.ben] }, between: ['Deleted on', 'edited on'],
    on: 'ben', picks: { [WHOLE]: 'current' }, button: 'Keep it deleted',
    how: 'keep it deleted',
    holds: DELETED,
  },
  {
    name: 'a delete of what was edited: Ann keeps it with the edit',
    ann: [{ phone: calls.ann }], ben: [DELETED],
    ask: { [WHOLE]: [words.ann, 'deleted'] }, between: ['Edited on', 'deleted on'],
    on: 'ann', picks: { [WHOLE]: 'current' }, button: 'Keep it with the edit from {ann}',
    from: ['phone'],
    how: 'keep it with the edit from',
    holds: { phone: calls.ann },
  },
  {
    name: 'both are kept as two records',
    ...both,
    on: 'desk', picks: { [WHOLE]: 'both' }, button: 'Keep both as two records',
    how: 'keep both as two records',
    holds: { phone: calls.ann }, twin: { phone: calls.ben },
  },
  {
    name: 'decided on the desktop without a network: it waits, and applies when online',
    ...both,
    on: 'desk', how: 'take the change from',
    holds: { phone: calls.ben },
    decided: async (stage, key) => {
      const { desk, ann, look } = stage;
      await desk.offline(true);
      await pick(stage, desk, key, { phone: 'incoming' });
      await save(desk);
      await says(desk, hook('toast'), 'applies when online');
      await toInbox(desk);
      await desk.waitFor(`${item(key)} ${hook('mark-pending')}`);
      await look(desk, 'decided-offline');
      await desk.pillSays(/^Offline, 1 change safe/);
      await becomes(() => ann.pill(), 'Needs review (1)', 'nobody else knows');
      await backOnline(desk);
    },
  },
  {
    name: 'decided without a network, and the record moved: it comes back with the choices',
    ann: [{ phone: calls.ann, city: 'Bremen' }], ben: [{ phone: calls.ben, city: 'Kiel' }],
    ask: { phone: [words.ann, words.ben], city: ['Bremen', 'Kiel'] },
    on: 'ben', how: 'some of the values, and others written anew',
    holds: { phone: '+49 40 900 0000', city: 'Cuxhaven' },
    decided: async (stage, key) => {
      const { ann, ben, ledger, look } = stage;
      await ben.offline(true);
      await pick(stage, ben, key, { phone: { own: '+49 40 900 0000' }, city: 'current' });
      await save(ben);
      await edit(ledger, ann, key, { city: 'Cuxhaven' });
      await ann.pillSays('Needs review (1)');
      await ben.offline(false);
      await toInbox(ben);
      await ben.waitFor(`${item(key)} ${hook('mark-returned')}`);
      await openReview(ben, key);
      await ben.waitFor(hook('review-returned'));
      await says(ben, `${field('city')} ${hook('review-current')}`, 'Cuxhaven');
      await becomes(() => ben.page.locator('.mooring-own input').inputValue(), '+49 40 900 0000', 'what he wrote is still there');
      await look(ben, 'came-back');
      await ben.click(`${field('city')} ${hook('pick-current')}`);
      await save(ben);
    },
  },
  {
    name: 'two decide at once: the second is told who was first, and how',
    ...both,
    on: 'ann', how: '{ann} decided: keep what came from {ann}',
    holds: { phone: calls.ann },
    decided: async (stage, key) => {
      const { ann, desk, look } = stage;
      await desk.offline(true);
      await pick(stage, desk, key, { phone: 'incoming' });
      await save(desk);
      await pick(stage, ann, key, { phone: 'current' });
      await save(ann);
      await ann.pillSays('Synced and verified');
      await backOnline(desk);
      await toInbox(desk);
      await says(desk, hook('rejected-reason'), told('{ann} decided before you: keep what came from {ann}', desk));
      await desk.click(hook('late-open'));
      await says(desk, hook('review-settled'), 'decided before you');
      await says(desk, hook('review-late'), calls.ben);
      await look(desk, 'too-late');
      await toInbox(desk);
      await desk.click(hook('discard'));
    },
  },
  {
    name: 'a decision of the desktop is taken back in a browser, and made anew',
    ...both,
    on: 'desk', picks: { phone: 'incoming' }, button: 'Take the phone number from {ben}',
    how: 'take the change from',
    holds: { phone: calls.ben },
    then: async (stage, key) => {
      const { ann, all, look } = stage;
      await toInbox(ann);
      await ann.click(hook('review-tab-settled'));
      await ann.click(`${item(key)} ${hook('review-open')}`);
      await look(ann, 'settled');
      await ann.click(hook('take-back'));
      await toInbox(ann);
      await ann.click(hook('review-tab-open'));
      await awaits(all, [key]);
      await holds(stage, key, { phone: calls.ann });
      await pick(stage, ann, key, { phone: 'current' });
      await save(ann);
      await settledSays(all.filter(screen => screen !== ann), key, '{ann} decided: keep what came from {ann}');
      await holds(stage, key, { phone: calls.ann });
    },
  },
  {
    name: 'several edits of one record without a network are one review',
    ann: [{ phone: calls.ann }],
    ben: [{ phone: '+49 40 777 0001' }, { phone: '+49 40 777 0002' }, { city: 'Kiel' }, { phone: calls.ben }],
    ask: { phone: [words.ann, words.ben] },
    on: 'ann', picks: { phone: 'incoming' }, button: 'Take the phone number from {ben}',
    how: '{ann} decided: take the change from {ben}',
    holds: { phone: calls.ben, city: 'Kiel' },
  },
  {
    name: 'a form is open while somebody else saves: told in the form, then asked',
    ask: { phone: [words.ann, '333'] }, sides: ['ann', 'carl'],
    meet: async (stage, key) => {
      const { ann, desk, ledger, look } = stage;
      await openRecord(desk, key);
      const phone = `${hook('record-form')} ${hook('field-input')}[data-field="phone"]`;
      await desk.fill(phone, '+49 40 333 0000');
      await edit(ledger, ann, key, { phone: calls.ann });
      await says(desk, hook('changed-meanwhile'), `Changed to “${calls.ann}” by `);
      await look(desk, 'changed-meanwhile');
      await desk.click(hook('save'));
      ledger.saved('carl', key, { phone: '+49 40 333 0000' });
      await says(desk, hook('field-review'), '333 0000');
      await desk.script('document.querySelector(arguments[0]).scrollIntoView({ block: "center" })', hook('record-needs-review'));
      await look(desk, 'record-needs-review');
      await desk.click(hook('close-record'));
    },
    on: 'desk', picks: { phone: 'incoming' }, button: 'Take the phone number from {carl}',
    how: '{carl} decided: take the change from {carl}',
    holds: { phone: '+49 40 333 0000' },
  },
  {
    name: 'several at once by a rule over a filter, on the desktop',
    keys: ['B-1', 'B-2', 'B-3', 'B-4'],
    meet: async (stage, _, { keys }) => {
      const { ann, ben, ledger } = stage;
      await Promise.all([ann, ben].map(browser => browser.offline(true)));
      for (const [at, key] of keys.entries()) {
        await edit(ledger, ann, key, at === 3 ? DELETED : { phone: calls.ann });
        await edit(ledger, ben, key, { phone: calls.ben });
      }
      await ann.offline(false);
      await ann.pillSays('Synced and verified');
      await ben.offline(false);
    },
    decided: async (stage, _, { keys }) => {
      const { ann, desk, all, look } = stage;
      await toInbox(desk);
      await desk.choose(hook('filter-kind'), 'Changed twice');
      await until('three left by the filter', async () => await desk.count(hook('review-item')) === 3);
      await desk.click(hook('select-page'));
      await look(desk, 'selected');
      await desk.click(hook('bulk-decide'));
      await desk.click(hook('rule-person'));
      await desk.choose(hook('rule-name'), 'Ben Okafor');
      await says(desk, hook('bulk-take'), '3');
      await says(desk, hook('bulk-start'), 'Make 3 decisions');
      await look(desk, 'bulk');
      await desk.click(hook('bulk-start'));
      await says(desk, hook('toast'), '3 decisions saved on this device');
      await desk.click(hook('clear-filters'));
      await awaits(all, [keys[3]]);
      await pick(stage, ann, keys[3], { [WHOLE]: 'incoming' });
      await save(ann);
    },
    on: 'desk', how: 'decided: ',
    holds: { phone: calls.ben },
  },
  {
    name: 'after a decision, the version that gave way is restored from the history',
    ...both,
    on: 'ben', picks: { phone: 'incoming' }, button: 'Take the phone number from {ben}',
    how: 'take the change from',
    holds: { phone: calls.ben },
    then: async (stage, key) => {
      const { ann, all, look } = stage;
      await openHistory(ann, key);
      const review = ann.page.locator(hook('reviewed')).first();
      await until('the side that gave way is there', async () => (await review.textContent()).includes(calls.ann));
      await look(ann, 'history');
      await ann.page.locator(hook('version'), { hasText: calls.ann }).filter({ has: ann.page.locator(hook('restore')) }).last().locator(hook('restore')).click();
      await says(ann, hook('restore-preview'), calls.ann);
      await look(ann, 'restore');
      await ann.click(hook('confirm'));
      await ann.waitFor(hook('restored'));
      await ann.click(hook('restore-close'));
      await gone(ann, hook('restored'));
      await holds(stage, key, { phone: calls.ann });
    },
  },
];
