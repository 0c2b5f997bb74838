// Histories with one thing wrong in each: what the checker is for. And one with nothing wrong.
import { History } from './history.mjs';

const fields = (by, n, after) => ({ author: by, n, ...(after && { after }) });

/** Two clients, everything as it should be; `change` makes it wrong. */
function scene(change = () => {}) {
  const history = new History();
  history.note('a', 'insert', 'ok', { key: 'a1', fields: fields('a', 1) });
  history.note('b', 'read', 'ok', { keys: ['a1'] });
  history.note('b', 'insert', 'ok', { key: 'b1', fields: fields('b', 1, 'a1') });
  history.note('a', 'insert', 'unknown', { key: 'a2', fields: fields('a', 2) });
  history.note('a', 'add', 'ok', { key: 'c', by: 2 });
  history.note('b', 'add', 'unknown', { key: 'c', by: 3 });
  history.note('a', 'set', 'ok', { key: 'r', value: 'va' });
  history.note('b', 'set', 'ok', { key: 'r', value: 'vb' });
  history.note('a', 'read', 'ok', { keys: ['a1', 'b1'] });
  const view = () => ({ marks: { a1: fields('a', 1), b1: fields('b', 1, 'a1') }, registers: { r: { value: 'va' } }, counters: { c: { n: 2 } } });
  const end = { views: { server: view(), a: view(), b: view() }, versions: { r: ['va', 'vb'] }, ordered: true };
  change(history, end);
  return [history, end];
}

const everywhere = (end, act) => Object.values(end.views).forEach(act);

export const planted = {
  'nothing': [scene(), ''],
  'a value that was written over on its device': [scene((history, end) => { history.note('b', 'set', 'ok', { key: 'r', value: 'vc' }); end.versions.r = ['va', 'vc']; }), ''],
  'a value that was written over on another device': [scene((history, end) => { history.note('a', 'set', 'ok', { key: 'r', value: 'vc' }); end.versions.r = ['va', 'vc']; }), 'vb, written to r by b'],
  'what nobody knows of happened': [scene((_, end) => everywhere(end, view => { view.marks.a2 = fields('a', 2); view.counters.c.n = 5; })), ''],
  'a mark is gone everywhere': [scene((_, end) => everywhere(end, view => { delete view.marks.b1; })), 'b1, acknowledged by b'],
  'a mark is gone at one client': [scene((_, end) => { delete end.views.b.marks.a1; }), 'marks: b has'],
  'a mark that nobody made': [scene((_, end) => everywhere(end, view => { view.marks.x = {}; })), 'nobody made it'],
  'a mark of other values': [scene((_, end) => everywhere(end, view => { view.marks.a1.n = 7; })), 'was made'],
  'a refused mark': [scene(history => { history.events[0].outcome = 'no'; }), 'refused at a'],
  'added twice': [scene((_, end) => everywhere(end, view => { view.counters.c.n = 7; })), 'c is 7'],
  'not added': [scene((_, end) => everywhere(end, view => { view.counters.c.n = 1; })), 'c is 1'],
  'a value replaced in silence': [scene((_, end) => { end.versions.r = ['va']; }), 'vb, written to r by b'],
  'seen, and not any more': [scene(history => history.note('b', 'read', 'ok', { keys: ['b1'] })), 'b does not see a1'],
  'written, and not seen': [scene(history => history.note('a', 'read', 'ok', { keys: ['b1'] })), 'a does not see a1'],
  'an effect before its cause': [scene(history => history.note('c', 'read', 'ok', { keys: ['b1'] })), 'c sees b1 without a1'],
};
