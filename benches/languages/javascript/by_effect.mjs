// The jobs by Effect's fibers.

import { Deferred, Effect } from "effect";
import { LIMIT, TaskError } from "./task_error.mjs";

// An iterable, so that a million numbers are not there at once.
function* numbers(count) {
  for (let number = 0; number < count; number += 1) {
    yield number;
  }
}

function fanOut(tasks) {
  let ran = 0;
  const task = () =>
    Effect.sync(() => {
      ran += 1;
    });
  const all = Effect.forEach(numbers(tasks), task, { concurrency: "unbounded", discard: true });
  return Effect.runPromise(Effect.map(all, () => ran));
}

function bounded(tasks) {
  let ran = 0;
  const count = Effect.sync(() => {
    ran += 1;
  });
  const task = () => Effect.andThen(Effect.yieldNow, count);
  const all = Effect.forEach(numbers(tasks), task, { concurrency: LIMIT, discard: true });
  return Effect.runPromise(Effect.map(all, () => ran));
}

function firstError(tasks) {
  let waiting = 0;
  let cancelled = 0;
  const wait = Effect.gen(function* () {
    waiting += 1;
    // Nothing completes it: it is what the task waits for.
    const never = yield* Deferred.make();
    yield* Deferred.await(never);
  }).pipe(
    Effect.onInterrupt(() =>
      Effect.sync(() => {
        cancelled += 1;
      }),
    ),
  );
  const fail = Effect.gen(function* () {
    while (waiting < tasks - 1) {
      yield* Effect.yieldNow;
    }
    return yield* Effect.fail(new TaskError(tasks - 1));
  });
  const task = (number) => (number < tasks - 1 ? wait : fail);
  const all = Effect.forEach(numbers(tasks), task, { concurrency: "unbounded", discard: true });
  return Effect.runPromise(Effect.map(Effect.flip(all), () => cancelled));
}

function allErrors(tasks) {
  const task = (number) => Effect.suspend(() => Effect.fail(new TaskError(number)));
  const all = Effect.validate(numbers(tasks), task, { concurrency: "unbounded", discard: true });
  return Effect.runPromise(Effect.map(Effect.flip(all), (errors) => errors.length));
}

export const jobs = {
  "fan-out": fanOut,
  bounded,
  "first-error": firstError,
  "all-errors": allErrors,
};
