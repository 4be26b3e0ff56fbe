// The jobs by promises: `Promise.all`, `Promise.allSettled`, and an `AbortController` to cancel.

import { setMaxListeners } from "node:events";
import { LIMIT, TaskError } from "./task_error.mjs";

async function fanOut(tasks) {
  let ran = 0;
  const task = async () => {
    ran += 1;
  };
  await Promise.all(Array.from({ length: tasks }, task));
  return ran;
}

// The language has no limit. So there are 64 loops, each of which takes the next task when it has
// ended one, as libraries do it.
async function bounded(tasks) {
  let ran = 0;
  let next = 0;
  const task = async () => {
    await null;
    ran += 1;
  };
  const lane = async () => {
    while (next < tasks) {
      next += 1;
      await task();
    }
  };
  await Promise.all(Array.from({ length: LIMIT }, lane));
  return ran;
}

async function firstError(tasks) {
  let waiting = 0;
  let cancelled = 0;
  const controller = new AbortController();
  const { signal } = controller;
  // As many tasks listen, and it would warn of that.
  setMaxListeners(0, signal);
  const wait = () =>
    // Nothing resolves it: it is what the task waits for.
    new Promise((_, reject) => {
      waiting += 1;
      signal.addEventListener("abort", () => {
        cancelled += 1;
        reject(signal.reason);
      });
    });
  const fail = async () => {
    while (waiting < tasks - 1) {
      await null;
    }
    throw new TaskError(tasks - 1);
  };
  const all = Array.from({ length: tasks - 1 }, wait);
  all.push(fail());
  try {
    await Promise.all(all);
  } catch (error) {
    controller.abort(error);
  }
  await Promise.allSettled(all);
  return cancelled;
}

async function allErrors(tasks) {
  const task = async (_, number) => {
    throw new TaskError(number);
  };
  const ends = await Promise.allSettled(Array.from({ length: tasks }, task));
  const failures = ends.filter((end) => end.status === "rejected").map((end) => end.reason);
  return new AggregateError(failures, "tasks failed").errors.length;
}

export const jobs = {
  "fan-out": fanOut,
  bounded,
  "first-error": firstError,
  "all-errors": allErrors,
};
