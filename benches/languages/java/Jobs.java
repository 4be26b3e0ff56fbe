import java.util.Map;
import java.util.StringJoiner;

/** The four jobs in Java: one job a process. ../README.md says what each job is. */
public final class Jobs {
    /** How many tasks of the bounded job run at once. */
    static final int LIMIT = 64;

    /** However short a job is, more figures tell no more. */
    private static final int MAX_RUNS = 99;

    /** Is done with so many tasks, and counts what {@link #result} says. */
    interface Job {
        int run(int tasks) throws Exception;
    }

    /** The error of each task that fails. */
    static final class TaskError extends Exception {
        TaskError(int task) {
            super("task " + task + " failed");
        }
    }

    /** The tasks that ran, were cancelled, or have an error that was collected. */
    private static int result(String job, int tasks) {
        return job.equals("first-error") ? tasks - 1 : tasks;
    }

    private static void measure(Map<String, Job> jobs, String... args) throws Exception {
        String way = args[0];
        String job = args[1];
        int tasks = Integer.parseInt(args[2]);
        long warmUp = Long.parseLong(args[3]) * 1_000_000;
        long span = Long.parseLong(args[4]) * 1_000_000;
        Job run = jobs.get(job);

        for (long start = System.nanoTime(); System.nanoTime() - start < warmUp; ) {
            run.run(Math.max(tasks / 10, 1));
        }
        StringJoiner figures = new StringJoiner(", ");
        int runs = 0;
        for (long start = System.nanoTime();
                runs == 0 || (System.nanoTime() - start < span && runs < MAX_RUNS);
                runs++) {
            long one = System.nanoTime();
            int result = run.run(tasks);
            figures.add(Double.toString((double) (System.nanoTime() - one) / tasks));
            if (result != result(job, tasks)) {
                throw new AssertionError(way + " does not do " + job + ": " + result);
            }
        }
        System.out.printf("{\"way\": \"%s\", \"job\": \"%s\", \"tasks\": %d, \"ns\": [%s]}%n",
                way, job, tasks, figures);
    }

    public static void main(String[] args) throws Exception {
        // By its name, since its class needs a newer Java, with its previews, than the rest.
        String jobs = args[0].equals("scope") ? "ScopeJobs" : "ExecutorJobs";
        @SuppressWarnings("unchecked")
        var all = (Map<String, Job>) Class.forName(jobs).getDeclaredField("ALL").get(null);
        // The owner is a virtual thread too: so it shares the one carrier with its tasks.
        try (var owner = ExecutorJobs.Virtual.threads()) {
            owner.submit(() -> {
                measure(all, args);
                return null;
            }).get();
        }
    }
}
