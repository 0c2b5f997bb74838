// The black box for as long as wanted: `RUNS=n SEED=s TOGETHER=t ./x test long-blackbox`; a thousand runs unless said otherwise.
import { end, need } from './lib/harness.mjs';
import { Place } from './blackbox/place.mjs';

need('MOORING_DESKTOP'); // the installed one is among the clients
const place = await Place.begin({ desktop: true });
await place.play(Number(process.env.SEED ?? 1), Number(process.env.RUNS ?? 1_000), Number(process.env.TOGETHER ?? 4));
await end();
