/**
 * When a transaction may start: after those that were made before it, share a store with it, and one of which writes.
 *
 * @typedef {{ names: string[], exclusive: boolean, start: () => void, started?: boolean }} Job
 */

export class Scheduler {
  /** The jobs of each store, in order. @type {Map<string, Job[]>} */
  #queues = new Map();

  /** @param {Job} job starts at once where nothing is in its way */
  add(job) {
    for (const name of job.names) {
      const queue = this.#queues.get(name);
      if (queue) queue.push(job);
      else this.#queues.set(name, [job]);
    }
    this.#tryStart(job);
  }

  /** @param {Job} job is over: what waited for it starts */
  done(job) {
    for (const name of job.names) {
      const queue = this.#queues.get(name);
      queue.splice(queue.indexOf(job), 1);
      if (queue.length === 0) this.#queues.delete(name);
    }
    for (const name of job.names) {
      for (const next of [...(this.#queues.get(name) ?? [])]) {
        this.#tryStart(next);
        if (next.exclusive) break; // nothing behind it can start before it
      }
    }
  }

  #tryStart(job) {
    if (job.started || !job.names.every(name => this.#isFree(job, name))) return;
    job.started = true;
    job.start();
  }

  #isFree(job, name) {
    for (const other of this.#queues.get(name)) {
      if (other === job) return true;
      if (other.exclusive || job.exclusive) return false;
    }
    return true;
  }
}
