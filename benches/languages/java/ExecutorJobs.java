import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** The jobs by an executor that starts a virtual thread for each task. */
final class ExecutorJobs {
    static final Map<String, Jobs.Job> ALL = Map.of(
            "fan-out", ExecutorJobs::fanOut,
            "bounded", ExecutorJobs::bounded,
            "first-error", ExecutorJobs::firstError,
            "all-errors", ExecutorJobs::allErrors);

    /** An executor that can be closed. Java 17, which may compile this, has no such one. */
    record Virtual(ExecutorService service) implements AutoCloseable {
        static Virtual threads() {
            try {
                var make = Executors.class.getMethod("newVirtualThreadPerTaskExecutor");
                return new Virtual((ExecutorService) make.invoke(null));
            } catch (ReflectiveOperationException missing) {
                throw new UnsupportedOperationException("virtual threads need Java 21", missing);
            }
        }

        <T> Future<T> submit(Callable<T> task) {
            return service.submit(task);
        }

        /** Waits for every task. */
        @Override
        public void close() throws InterruptedException {
            service.shutdown();
            service.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
        }
    }

    private static int fanOut(int tasks) throws Exception {
        AtomicInteger ran = new AtomicInteger();
        List<Future<Void>> all = new ArrayList<>(tasks);
        try (var executor = Virtual.threads()) {
            for (int task = 0; task < tasks; task++) {
                all.add(executor.submit(() -> {
                    ran.incrementAndGet();
                    return null;
                }));
            }
        }
        for (Future<Void> one : all) {
            one.get();
        }
        return ran.get();
    }

    private static int bounded(int tasks) throws Exception {
        AtomicInteger ran = new AtomicInteger();
        Queue<Throwable> errors = new ConcurrentLinkedQueue<>();
        Semaphore slots = new Semaphore(Jobs.LIMIT);
        try (var executor = Virtual.threads()) {
            for (int task = 0; task < tasks; task++) {
                slots.acquire();
                // No future is kept of each: there are too many.
                executor.service().execute(() -> {
                    try {
                        Thread.yield();
                        ran.incrementAndGet();
                    } catch (Throwable error) {
                        errors.add(error);
                    } finally {
                        slots.release();
                    }
                });
            }
        }
        return errors.isEmpty() ? ran.get() : -1;
    }

    private static int firstError(int tasks) throws Exception {
        AtomicInteger waiting = new AtomicInteger();
        AtomicInteger cancelled = new AtomicInteger();
        try (var executor = Virtual.threads()) {
            var ends = new ExecutorCompletionService<Void>(executor.service());
            for (int task = 1; task < tasks; task++) {
                ends.submit(() -> {
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
            ends.submit(() -> {
                while (waiting.get() < tasks - 1) {
                    Thread.yield();
                }
                throw new Jobs.TaskError(tasks - 1);
            });
            try {
                for (int ended = 0; ended < tasks; ended++) {
                    ends.take().get();
                }
                throw new AssertionError("one task fails");
            } catch (ExecutionException first) {
                executor.service().shutdownNow();
            }
        }
        return cancelled.get();
    }

    private static int allErrors(int tasks) throws Exception {
        List<Future<Void>> all = new ArrayList<>(tasks);
        try (var executor = Virtual.threads()) {
            for (int task = 0; task < tasks; task++) {
                int number = task;
                all.add(executor.submit(() -> {
                    throw new Jobs.TaskError(number);
                }));
            }
        }
        Exception joined = new Exception("tasks failed");
        for (Future<Void> one : all) {
            try {
                one.get();
            } catch (ExecutionException error) {
                joined.addSuppressed(error.getCause());
            }
        }
        return joined.getSuppressed().length;
    }
}
