/** What stores and indexes are asked alike. */

import { open } from './cursor.js';
import { need, oneOf } from './errors.js';
import { own } from './expose.js';
import { all, allOptions, counted, limitOf, one, options } from './source.js';
import { DIRECTIONS } from './walk.js';

/** Gives a class these members; each class has functions of its own, as in a browser. */
export function readable(Class) {
  const members = {
    get(query) {
      own(this);
      need(arguments, 1);
      return one(this, query, 'values');
    },

    getKey(query) {
      own(this);
      need(arguments, 1);
      return one(this, query, 'primaryKeys');
    },

    getAll(queryOrOptions = undefined, count = undefined) {
      own(this);
      return all(this, allOptions(queryOrOptions, limitOf(count)), 'values');
    },

    getAllKeys(queryOrOptions = undefined, count = undefined) {
      own(this);
      return all(this, allOptions(queryOrOptions, limitOf(count)), 'primaryKeys');
    },

    getAllRecords(given = undefined) {
      own(this);
      return all(this, options(given), 'records');
    },

    count(query = undefined) {
      own(this);
      return counted(this, query);
    },

    openCursor(query = undefined, direction = 'next') {
      own(this);
      return open(this, { query, direction: oneOf(direction, DIRECTIONS), withValue: true });
    },

    openKeyCursor(query = undefined, direction = 'next') {
      own(this);
      return open(this, { query, direction: oneOf(direction, DIRECTIONS), withValue: false });
    },
  };
  Object.defineProperties(Class.prototype, Object.getOwnPropertyDescriptors(members));
}
