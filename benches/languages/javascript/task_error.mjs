// What the jobs of each library share.

// How many tasks of the bounded job run at once.
export const LIMIT = 64;

// The error of each task that fails.
export class TaskError extends Error {
  constructor(task) {
    super(`task ${task} failed`);
  }
}
