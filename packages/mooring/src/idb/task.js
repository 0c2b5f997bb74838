/**
 * Tasks: one event each, and what follows from it.
 *
 * A program's promises run when the stack of calls is empty: after each listener. So a task is several callbacks that
 * nothing comes between: listeners of one message in browsers, immediates in Node. A task is a generator; it yields where
 * promises may run.
 *
 * @typedef {Generator<void, any, void>} Steps
 * @typedef {{ steps: Steps, after?: (result: any) => void, result?: any, isOver: boolean }} Task
 */

/** As many listeners of one event run with promises in between; those behind them run together. */
const PARTS = 4;

/** @type {Task[]} */
let waiting = [];
let next = 0;
/** @type {Task | null} */
let current = null;
let follow = [];

/** The program has control no more: what was put off until then. */
function settle() {
  if (follow.length === 0) return;
  const due = follow;
  follow = [];
  for (const one of due) one();
}

function advance() {
  settle();
  if (current.isOver) return;
  const { done, value } = current.steps.next();
  if (done) Object.assign(current, { isOver: true, result: value });
}

function begin() {
  current = waiting[next++];
  if (next === waiting.length) [waiting, next] = [[], 0];
  advance();
}

function rest() {
  while (!current.isOver) advance();
}

function end() {
  settle();
  const { after, result } = current;
  current = null;
  after?.(result);
}

const PARTS_OF_A_TASK = [begin, ...Array.from({ length: PARTS - 2 }, () => () => advance()), rest, end];

function starter() {
  // not where it is somebody's imitation of Node's
  if (globalThis.process?.versions?.node && typeof setImmediate === 'function') return () => { for (const part of PARTS_OF_A_TASK) setImmediate(part); };
  const { port1, port2 } = new MessageChannel();
  for (const part of PARTS_OF_A_TASK) port1.addEventListener('message', part);
  port1.start();
  return () => port2.postMessage(0);
}

const start = starter();

/**
 * Runs something as a task of its own, in the order of asking.
 * @param {() => Steps} run
 * @param {(result: any) => void} [after] what follows when the promises of the listeners ran
 */
export function task(run, after) {
  waiting.push({ steps: run(), after, isOver: false, result: undefined });
  start();
}

/** Runs something when the program gives control back. */
export function afterThisCall(run) {
  if (current) follow.push(run);
  else task(function* nothing() {}, run);
}
