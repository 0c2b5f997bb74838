// The conflict engine as people meet it: two browsers and the desktop app, all real, on a real server on sled. What is
// below the screens is in suites/conflicts.rs. The scenarios are a table, conflicts/scenarios.mjs; SCENARIO=text plays
// those whose name contains it. MOORING_PICTURES=1 takes a picture of every screen in every size and colour.
import { check, end, equal, need, whenFailed } from './lib/harness.mjs';
import { onSled } from './lib/server.mjs';
import { Relay } from './lib/relay.mjs';
import { Browser, Desktop, hook, picturesOf } from './lib/screens.mjs';
import { Person, Replica, addPeople } from './lib/members.mjs';
import { look, signIn } from './lib/review.mjs';
import { Ledger } from './conflicts/ledger.mjs';
import { COLLECTION, play } from './conflicts/play.mjs';
import { FIRST, scenarios } from './conflicts/scenarios.mjs';

whenFailed(picturesOf);
for (const name of ['MOORING_SERVER', 'MOORING_DESKTOP', 'MOORING_CHROMIUM', 'MOORING_UI_DIST']) need(name);

const names = ['Acme Shipping', 'Baltic Ropes', 'Cape Lines', 'Dock & Sons', 'East Pier', 'Fjord Ferries', 'Grey Whale Charter', 'Harbour Crane', 'Island Hopper', 'Jetty Works', 'Keel & Co', 'Lighthouse Café'];
const all = scenarios.map((scenario, at) => ({ keys: [at + 1], ...scenario }));
const first = key => ({ name: names[(Number.isInteger(key) ? key - 1 : key.length) % names.length], ...FIRST });

const server = await onSled();
addPeople(server, { ann: 'Ann Berg', ben: 'Ben Okafor', carl: 'Carl Diaz' });
await server.start();
const relay = await new Relay(server.url).start();
const reader = await Person.signIn(server, 'ann');
const harbour = await reader.workspace('Harbour', { ben: 'editor', carl: 'editor' });
const ledger = new Ledger(reader, harbour);

const ann = Object.assign(new Browser('Ann’s browser', server.url), { who: 'ann' });
const ben = Object.assign(new Browser('Ben’s browser', server.url), { who: 'ben' });
const desk = Object.assign(new Desktop('Carl’s desktop', { relay }), { who: 'carl' });
const stage = { ann, ben, desk, all: [ann, ben, desk], ledger, first, look };

const begun = await check('Ann and Ben in their browsers and Carl on his desktop see the same, and nothing needs review', async () => {
  const office = new Replica(reader, harbour, 'Office PC');
  office.define(COLLECTION, 'Contacts', {
    name: ['Name', 'text'], phone: ['Phone number', 'text'], city: ['City', 'text'], email: ['E-mail', 'text'], notes: ['Notes', 'long_text', 'text'],
    visits: ['Visits', 'counter'], tags: ['Tags', 'tags', 'set'], status: ['Status', 'text', 'last'], owner: ['Owner', 'text', 'first'],
  });
  for (const key of all.flatMap(({ keys }) => keys)) office.insert(COLLECTION, key, first(key));
  await office.push();
  await Promise.all([ann, ben, desk].map(screen => screen.open()));
  await desk.fill(hook('server-address'), relay.url);
  await desk.click(hook('connect'));
  for (const screen of stage.all) {
    await signIn(screen, screen.who, 'Harbour');
    await screen.pillSays('Synced and verified');
  }
});
if (!begun) await end();

const chosen = all.filter(({ name }) => name.includes(process.env.SCENARIO ?? ''));
for (const scenario of chosen) {
  // what one leaves open would be counted by the next
  if (!await check(scenario.name, () => play(stage, scenario))) await end();
}

await check('no page reported an error of its own', async () => {
  for (const screen of stage.all) equal(await screen.reports(), [], `errors of ${screen.name}`);
});
for (const screen of stage.all) await screen.close();
await server.kill('SIGTERM');
await end();
