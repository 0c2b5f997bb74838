/**
 * Rows in order, in blocks: a place is found by halving, and a change moves what is in one block.
 *
 * @template T
 */

const BLOCK = 256;

/** @typedef {{ block: number, at: number }} Place */

export class Rows {
  /** @param {(a: T, b: T) => number} compare the order, in which no two rows are the same */
  constructor(compare) {
    this.compare = compare;
    /** @type {T[][]} */
    this.blocks = [];
    this.size = 0;
  }

  /** Takes rows that are in order in place of all there are. */
  fill(rows) {
    this.blocks = [];
    for (let at = 0; at < rows.length; at += BLOCK) this.blocks.push(rows.slice(at, at + BLOCK));
    this.size = rows.length;
  }

  /**
   * The first place whose row is not before what is looked for; behind the last one where there is none.
   * @param {(row: T) => boolean} before true for the rows in front of it
   * @returns {Place}
   */
  find(before) {
    const { blocks } = this;
    const block = halve(blocks.length, at => before(blocks[at].at(-1)));
    return { block, at: block < blocks.length ? halve(blocks[block].length, at => before(blocks[block][at])) : 0 };
  }

  /** @param {Place} place @returns {T | undefined} */
  at(place) {
    return this.blocks[place.block]?.[place.at];
  }

  /** @param {Place} place @returns {Place} the next one */
  next({ block, at }) {
    return at + 1 < this.blocks[block].length ? { block, at: at + 1 } : { block: block + 1, at: 0 };
  }

  /** @param {Place} place @returns {Place} the one before; nothing is there before the first */
  previous({ block, at }) {
    if (block < 0) return { block, at };
    if (at > 0) return { block, at: at - 1 };
    return { block: block - 1, at: block > 0 ? this.blocks[block - 1].length - 1 : 0 };
  }

  /** How many rows are in front of a place: costs what there are of blocks. */
  rank({ block, at }) {
    let sum = at;
    for (let before = 0; before < block; before++) sum += this.blocks[before].length;
    return sum;
  }

  /** The row that is the same in the order. */
  get(row) {
    const found = this.at(this.find(other => this.compare(other, row) < 0));
    return found !== undefined && this.compare(found, row) === 0 ? found : undefined;
  }

  /** Puts a row where it belongs, in place of one that is the same. */
  set(row) {
    const { blocks } = this;
    const { block, at } = this.find(other => this.compare(other, row) < 0);
    if (block === blocks.length) return this.#append(row);
    const there = blocks[block];
    if (this.compare(there[at], row) === 0) {
      there[at] = row;
      return undefined;
    }
    there.splice(at, 0, row);
    this.size++;
    if (there.length > 2 * BLOCK) blocks.splice(block + 1, 0, there.splice(BLOCK));
    return undefined;
  }

  #append(row) {
    const last = this.blocks.at(-1);
    if (last !== undefined && last.length < BLOCK) last.push(row);
    else this.blocks.push([row]);
    this.size++;
  }

  /** Takes away the row that is the same. */
  delete(row) {
    const { block, at } = this.find(other => this.compare(other, row) < 0);
    const there = this.blocks[block];
    if (there === undefined || this.compare(there[at], row) !== 0) return;
    there.splice(at, 1);
    if (there.length === 0) this.blocks.splice(block, 1);
    this.size--;
  }

  *[Symbol.iterator]() {
    for (const block of this.blocks) yield* block;
  }
}

/** The first number below `end` for which it is no longer true. */
function halve(end, isBefore) {
  let low = 0;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
