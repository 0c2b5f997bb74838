// The black box for as long as wanted: `RUNS=n SEED=s TOGETHER=t ./x test long-blackbox`; a thousand runs unless
// said otherwise. `CASSANDRA=1`: on a Cassandra, with a program that writes a mirrored table, one at a time.
import { end, need } from './lib/harness.mjs';
import { Place } from './blackbox/place.mjs';

need('MOORING_DESKTOP'); // the installed one is among the clients
const place = await Place.begin({ desktop: true });
const [seed, runs, together] = [Number(process.env.SEED ?? 1), Number(process.env.RUNS ?? 1_000), Number(process.env.TOGETHER ?? 4)];
if (process.env.CASSANDRA) await (await place.onCassandra()).play(seed, runs, 1);
else await place.play(seed, runs, together);
await end();
