/**
 * Tasks: one event each, then what its listeners put off (promises), then what follows from it.
 *
 * A program's promises run when the stack of calls is empty. So a task is two callbacks that nothing comes between: two
 * listeners of one message in browsers, two immediates in Node.
 *
 * @typedef {{ run: () => void, after?: () => void }} Task
 */

/** @type {Task[]} */
let waiting = [];
let next = 0;
let current = null;
let follow = [];

function first() {
  current = waiting[next++];
  if (next === waiting.length) [waiting, next] = [[], 0];
  current.run();
}

function second() {
  const { after } = current;
  const due = follow;
  current = null;
  follow = [];
  for (const one of due) one();
  after?.();
}

function starter() {
  if (typeof setImmediate === 'function') {
    return () => {
      setImmediate(first);
      setImmediate(second);
    };
  }
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', first);
  port1.addEventListener('message', second);
  port1.start();
  return () => port2.postMessage(0);
}

const start = starter();

/**
 * Runs something as a task of its own, in the order of asking.
 * @param {() => void} run
 * @param {() => void} [after] what follows when the promises of the listeners ran
 */
export function task(run, after) {
  waiting.push({ run, after });
  start();
}

/** Runs something when the program gives control back: at the end of the task that runs now. */
export function afterThisTask(run) {
  if (current) follow.push(run);
  else task(() => {}, run);
}
