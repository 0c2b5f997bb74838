// A link of the second generation: 250 kbit/s down, 50 up, 400 ms each way. The records are on the device; only what is new waits.
import { randomBytes } from 'node:crypto';
import { Device } from './lib/api.mjs';
import { check, end, equal, truthy, until, whenFailed } from './lib/harness.mjs';
import { Relay } from './lib/relay.mjs';
import { onSled } from './lib/server.mjs';
import { Browser, hook, picturesOf } from './lib/screens.mjs';
import * as act from './lib/actions.mjs';

whenFailed(picturesOf);
const [down, up, delay] = [250_000 / 8, 50_000 / 8, 400];
const server = await (await onSled()).start();
const relay = await new Relay(server.url).start();
const other = await new Device(server.url).signIn();
const emailOf = async key => (await server.records()).people[key].email;

const ann = new Browser('ann', relay.url);
await ann.open();
await act.join(ann);
await act.showCollection(ann, 'people');
await ann.pillSays('Synced and verified');
await ann.installed();
relay.slow(down, up, delay);

await check('the app opens as fast as ever, with all records, and an edit gets through', async () => {
  const start = Date.now();
  await ann.page.reload();
  await act.cellSays(ann, 1, 'email', await emailOf(1));
  const opened = Date.now() - start;
  truthy(opened < 10_000, `the records were there after ${opened} ms: less than half of what loading the app over this link takes`);
  await act.editRecord(ann, 1, 'email', 'slow@example.com');
  await until('at the server', async () => await emailOf(1) === 'slow@example.com');
  await ann.pillSays('Synced and verified');
});

await check('news of more than half a minute arrive; meanwhile the pill tells no trouble, and edits are saved at once', async () => {
  // nothing that could be compressed much: 1 MB and more as it is sent
  await ann.context.setOffline(true);
  await ann.pillSays('Offline');
  await other.define('notes', 'Notes', [['text', 'text']]);
  for (let key = 1; key <= 110; key += 1) await other.insert('notes', key, { text: randomBytes(9_000).toString('base64') });
  await ann.context.setOffline(false);
  const start = Date.now();
  await act.editRecord(ann, 2, 'email', 'meanwhile@example.com');
  truthy(Date.now() - start < 5_000, 'the edit was saved at once');
  await until('at the server', async () => await emailOf(2) === 'meanwhile@example.com', 120_000);
  const said = new Set();
  await until('all there', async () => {
    said.add(await ann.pill());
    return said.has('Synced and verified') && await ann.count(`${hook('collection-item')}[data-name="notes"]`) === 1;
  }, 180_000);
  const took = Date.now() - start;
  truthy(took > 30_000, `it took ${took} ms: too fast for this link`);
  equal([...said].filter(words => /offline|server|again|trouble/i.test(words)), [], 'what the pill said meanwhile');
});

await check('no page reported an error of its own', async () => equal(await ann.reports(), [], 'errors'));
await end();
