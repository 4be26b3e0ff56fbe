// The four jobs in Kotlin: one job a process. ../README.md says what each job is.

import java.util.concurrent.TimeUnit.MILLISECONDS
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.supervisorScope
import kotlinx.coroutines.sync.Semaphore
import kotlinx.coroutines.yield

/** How many tasks of the bounded job run at once. */
const val LIMIT = 64

/** However short a job is, more figures tell no more. */
const val MAX_RUNS = 99

/** The error of each task that fails. */
class TaskError(task: Int) : Exception("task $task failed")

// All run on the thread of `runBlocking`, so that a plain number counts.

suspend fun fanOut(tasks: Int): Int {
    var ran = 0
    coroutineScope {
        repeat(tasks) {
            launch { ran++ }
        }
    }
    return ran
}

suspend fun bounded(tasks: Int): Int {
    var ran = 0
    val slots = Semaphore(LIMIT)
    coroutineScope {
        repeat(tasks) {
            slots.acquire()
            launch {
                try {
                    yield()
                    ran++
                } finally {
                    slots.release()
                }
            }
        }
    }
    return ran
}

suspend fun firstError(tasks: Int): Int {
    var waiting = 0
    var cancelled = 0
    try {
        coroutineScope {
            repeat(tasks - 1) {
                launch {
                    waiting++
                    try {
                        // Nothing completes it: it is what the task waits for.
                        CompletableDeferred<Unit>().await()
                    } catch (cancel: CancellationException) {
                        cancelled++
                        throw cancel
                    }
                }
            }
            launch {
                while (waiting < tasks - 1) yield()
                throw TaskError(tasks - 1)
            }
        }
    } catch (first: TaskError) {
        return cancelled
    }
    error("one task fails")
}

suspend fun allErrors(tasks: Int): Int {
    val joined = Exception("tasks failed")
    supervisorScope {
        val all = List(tasks) { async { throw TaskError(it) } }
        for (one in all) {
            try {
                one.await()
            } catch (error: TaskError) {
                joined.addSuppressed(error)
            }
        }
    }
    return joined.suppressed.size
}

val jobs: Map<String, suspend (Int) -> Int> = mapOf(
    "fan-out" to ::fanOut,
    "bounded" to ::bounded,
    "first-error" to ::firstError,
    "all-errors" to ::allErrors,
)

/** The tasks that ran, were cancelled, or have an error that was collected. */
fun jobResult(job: String, tasks: Int) = if (job == "first-error") tasks - 1 else tasks

fun main(args: Array<String>) {
    val (way, job) = args
    val run = jobs.getValue(job)
    val tasks = args[2].toInt()
    val (warmUp, span) = args.drop(3).map { MILLISECONDS.toNanos(it.toLong()) }

    var start = System.nanoTime()
    while (System.nanoTime() - start < warmUp) {
        runBlocking { run((tasks / 10).coerceAtLeast(1)) }
    }
    val figures = mutableListOf<Double>()
    start = System.nanoTime()
    while (figures.isEmpty() || (System.nanoTime() - start < span && figures.size < MAX_RUNS)) {
        val one = System.nanoTime()
        val result = runBlocking { run(tasks) }
        figures += (System.nanoTime() - one).toDouble() / tasks
        check(result == jobResult(job, tasks)) { "$way does not do $job as it should: $result" }
    }
    println("""{"way": "$way", "job": "$job", "tasks": $tasks, "ns": $figures}""")
}
