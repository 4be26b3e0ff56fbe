import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.StructuredTaskScope;
import java.util.concurrent.StructuredTaskScope.FailedException;
import java.util.concurrent.StructuredTaskScope.Joiner;
import java.util.concurrent.StructuredTaskScope.Subtask;
import java.util.concurrent.atomic.AtomicInteger;

/** The jobs by StructuredTaskScope, in the form that it has since Java 25. */
final class ScopeJobs {
    static final Map<String, Jobs.Job> ALL = Map.of(
            "fan-out", ScopeJobs::fanOut,
            "bounded", ScopeJobs::bounded,
            "first-error", ScopeJobs::firstError,
            "all-errors", ScopeJobs::allErrors);

    private static int fanOut(int tasks) throws Exception {
        AtomicInteger ran = new AtomicInteger();
        try (var scope = StructuredTaskScope.open()) {
            for (int task = 0; task < tasks; task++) {
                scope.fork(() -> ran.incrementAndGet());
            }
            scope.join();
        }
        return ran.get();
    }

    private static int bounded(int tasks) throws Exception {
        AtomicInteger ran = new AtomicInteger();
        Semaphore slots = new Semaphore(Jobs.LIMIT);
        try (var scope = StructuredTaskScope.open()) {
            for (int task = 0; task < tasks; task++) {
                slots.acquire();
                scope.fork(() -> {
                    try {
                        Thread.yield();
                        return ran.incrementAndGet();
                    } finally {
                        slots.release();
                    }
                });
            }
            scope.join();
        }
        return ran.get();
    }

    private static int firstError(int tasks) throws Exception {
        AtomicInteger waiting = new AtomicInteger();
        AtomicInteger cancelled = new AtomicInteger();
        try (var scope = StructuredTaskScope.open()) {
            for (int task = 1; task < tasks; task++) {
                scope.fork(() -> {
                    waiting.incrementAndGet();
                    try {
                        // Nothing counts it down: it is what the task waits for.
                        new CountDownLatch(1).await();
                    } catch (InterruptedException interrupted) {
                        cancelled.incrementAndGet();
                        throw interrupted;
                    }
                    return null;
                });
            }
            scope.fork(() -> {
                while (waiting.get() < tasks - 1) {
                    Thread.yield();
                }
                throw new Jobs.TaskError(tasks - 1);
            });
            scope.join();
            throw new AssertionError("one task fails");
        } catch (FailedException first) {
            return cancelled.get();
        }
    }

    private static int allErrors(int tasks) throws Exception {
        List<Subtask<Object>> all = new ArrayList<>(tasks);
        Exception joined = new Exception("tasks failed");
        try (var scope = StructuredTaskScope.open(Joiner.awaitAll())) {
            for (int task = 0; task < tasks; task++) {
                int number = task;
                all.add(scope.fork(() -> {
                    throw new Jobs.TaskError(number);
                }));
            }
            scope.join();
            for (Subtask<Object> one : all) {
                if (one.state() == Subtask.State.FAILED) {
                    joined.addSuppressed(one.exception());
                }
            }
        }
        return joined.getSuppressed().length;
    }
}
