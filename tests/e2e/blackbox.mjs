// The black box: clients of every kind (the npm package in pages and in Node, the command line, the desktop app, plain HTTP), each
// behind a link that fails, at a server that is killed. What was acknowledged, seen and left in the end is held against what is
// promised, by a checker that knows nothing of Mooring. `RUNS=n SEED=s` plays others.
import { check, end, equal, need, truthy } from './lib/harness.mjs';
import { Place } from './blackbox/place.mjs';
import { wrong } from './blackbox/history.mjs';
import { planted } from './blackbox/planted.mjs';

for (const [name, [scene, words]] of Object.entries(planted)) {
  await check(`the checker, with ${name}`, () => {
    const found = wrong(...scene);
    if (words === '') equal(found, [], 'what it finds');
    else truthy(found.some(text => text.includes(words)), `“${words}” among ${JSON.stringify(found)}`);
  });
}
need('MOORING_DESKTOP'); // the installed one is among the clients
const place = await Place.begin({ desktop: true });
const [from, runs] = [Number(process.env.SEED ?? 1), Number(process.env.RUNS ?? 3)];
await place.play(from, runs, 1);
await (await place.onCassandra()).play(from + runs, 1, 1);
await end();
